//! Object stores that speak S3, as far as copies need them: whole files there and back, a listing, and removal.
//!
//! Every request is signed (AWS Signature Version 4) with the hash of what it carries, so that the server refuses what was changed
//! on the way. What may heal is tried again; large files go in parts, and parts of a file that failed are taken back.

mod bucket;
mod error;
mod pieces;
mod sign;
mod wire;
mod xml;

pub use bucket::{Bucket, Object};
pub use error::ObjectError;
pub use hyper::body::Bytes;
