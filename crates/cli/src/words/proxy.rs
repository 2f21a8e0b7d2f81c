//! A proxy as people read it.

use proxy::{
    Look,
    control::{BackendView, FlightView, SwitchedView, View},
};
use report::{count, seconds};
use std::{fmt::Write as _, time::Duration};

/// What a switch came to, the copies, the counts, and what is on its way.
pub(crate) fn proxy(view: &View) -> String {
    let mut text = view.switched.as_ref().map(switched).unwrap_or_default();
    let width = view.backends.iter().map(|it| it.address.chars().count()).max().unwrap_or_default();
    text.extend(view.backends.iter().map(|it| backend(it, width)));
    if view.held {
        text += "held: requests wait until `mainstay proxy resume`\n";
    }
    if view.waiting > 0 {
        let _ = writeln!(text, "{} waiting", count(view.waiting, "request"));
    }
    let _ = writeln!(text, "{} answered, {} failed", count(view.answered as usize, "request"), view.failed);
    text.extend(view.certificate.iter().map(certificate));
    text.extend(view.in_flight.iter().map(flight));
    text
}

/// A certificate that is shown to whoever connects.
pub(crate) fn certificate(look: &Look) -> String {
    let names = look.names.join(", ");
    let until = match (&look.until, look.days_left) {
        (Some(until), Some(days)) => format!("holds until {until} ({days} d)"),
        _ => "provisional".to_owned(),
    };
    let complaint = look.complaint.as_ref().map(|it| format!("\n  {it}")).unwrap_or_default();
    let failure =
        look.failure.as_ref().filter(|it| !complaint.contains(*it)).map(|it| format!("\n  the last try failed: {it}"));
    let next = look.next.as_ref().map(|next| format!("\n  another one is asked for at {next}")).unwrap_or_default();
    format!("certificate of {names}: {until}{complaint}{}{next}\n", failure.unwrap_or_default())
}

fn switched(switched: &SwitchedView) -> String {
    let after = seconds(Duration::from_secs_f64(switched.proven_s));
    let drained = match (&switched.from, switched.cut) {
        (None, _) => String::new(),
        (Some(from), 0) => format!("; {from} drained in {}", seconds(Duration::from_secs_f64(switched.drained_s))),
        (Some(from), cut) => format!("; {} of {from} cut off", count(cut, "request")),
    };
    format!("switched to {}, which answered after {after}{drained}\n", switched.to)
}

fn backend(backend: &BackendView, width: usize) -> String {
    format!("{:<width$}  {:<8}  {} on the way\n", backend.address, backend.state, count(backend.in_flight, "request"))
}

fn flight(flight: &FlightView) -> String {
    let since = seconds(Duration::from_secs_f64(flight.since_s));
    let at = flight.backend.as_ref().map_or("waiting".to_owned(), |backend| format!("at {backend}"));
    format!("  #{} {} {} for {since}, {at}\n", flight.id, flight.method, flight.path)
}
