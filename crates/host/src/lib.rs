//! The machine: clock, processes, files, environment, signals.
