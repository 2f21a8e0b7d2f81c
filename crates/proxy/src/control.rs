//! What people ask of a running proxy, over its Unix socket: to look, to switch, to hold.
//!
//! HTTP/1.1 with JSON. `GET /v1/proxy` answers with a [`View`]; `POST /v1/proxy/switch` takes a [`Switch`]; `POST
//! /v1/proxy/hold` and `/v1/proxy/resume` take nothing. All answer with a [`View`], or with a [`Refused`] and a status of
//! 4xx.

mod ask;
mod desk;
mod view;

pub use ask::{Ask, AskError, ask};
pub use desk::serve;
pub use view::{BackendView, FlightView, Refused, Switch, SwitchedView, View};
