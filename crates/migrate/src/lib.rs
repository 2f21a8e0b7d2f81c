//! Migrations: which are pending, and applying them exactly once.
