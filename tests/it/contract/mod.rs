//! What is generated or written twice, compared.

mod floors;
mod openapi;
mod readme;
