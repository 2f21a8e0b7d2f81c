//! Keeps services running until told to stop.
