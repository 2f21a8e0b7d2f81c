//! What can be known about a local server without a connection, from its files and process titles. Pure: the reading
//! is done by whoever asks.
