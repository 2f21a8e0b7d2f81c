//! Real clusters, fake servers and faults for tests.
