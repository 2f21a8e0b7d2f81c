//! Others run the services: systemd, or Docker Compose. A new one takes the place of the old one of the same name, so the databases are
//! asked first, and the proof comes after the switch.

mod bring;
mod compose;
mod errors;
mod fit;
mod gate;
mod look;
mod prove;
mod runner;
mod switch;
mod systemd;
mod watch;
mod would;

pub(in crate::release) use compose::{after_build, build_step, forget};
pub(in crate::release) use errors::errors;
pub(in crate::release) use fit::fit;
pub(in crate::release) use gate::gate;
pub(in crate::release) use look::{let_go, look, runs};
pub(in crate::release) use prove::smoke;
pub(in crate::release) use switch::{start_again, stop, switch, switch_back};
pub(in crate::release) use watch::watch;
pub(in crate::release) use would::{images, would};
