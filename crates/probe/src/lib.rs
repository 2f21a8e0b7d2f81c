//! Is a dependency truly ready? And the gate that waits until it is.
