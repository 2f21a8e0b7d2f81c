//! The health of the application, over HTTP and in metrics.
