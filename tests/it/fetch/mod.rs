//! Inputs from other servers: fetched whole or not at all, from allowed addresses only, and without a secret told.

mod bounds;
mod jobs;
mod looks;
mod refusals;
mod secrets;
mod tls;
mod transfers;
mod web;
