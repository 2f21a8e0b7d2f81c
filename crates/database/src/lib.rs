//! PostgreSQL, SQLite and Redis in our words.
