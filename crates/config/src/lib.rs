//! What the operator wrote, made into what the program may rely on.
