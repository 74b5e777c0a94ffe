//! What is generated or written twice, compared.

mod codes;
mod floors;
mod openapi;
mod readme;
mod recipes;
mod reliability;
