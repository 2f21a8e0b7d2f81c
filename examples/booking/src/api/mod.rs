//! HTTP in, JSON out: a file for each noun.

mod bookings;
mod health;
mod services;
mod slots;

use crate::Store;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use std::sync::Arc;

/// All that is answered.
pub fn router(store: Arc<Store>) -> Router {
    Router::new()
        .route("/health", get(health::show))
        .route("/services", get(services::list).post(services::add))
        .route("/services/{id}/slots", get(slots::free).post(slots::add))
        .route("/bookings", post(bookings::add))
        .route("/bookings/{id}", get(bookings::show).delete(bookings::cancel))
        .layer(DefaultBodyLimit::max(16 * 1024))
        .with_state(store)
}
