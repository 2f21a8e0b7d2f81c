//! Load by wrk, and what it says.
use super::super::process::signal;
use crate::task::Failure;
use rustix::process::Signal;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What a load came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) requests: u64,
    /// Connections that were lost, and answers that were no success.
    pub(super) failed: u64,
}

/// A load that goes on.
pub(super) struct Begun(Child);

impl Load {
    pub(super) fn on(port: u16, connections: usize, span: Duration) -> Result<Self, Failure> {
        Self::begin(port, connections, span)?.end()
    }

    /// For `span` at most.
    pub(super) fn begin(port: u16, connections: usize, span: Duration) -> Result<Begun, Failure> {
        let begun = Command::new("wrk")
            .args(["--latency", "-t1", &format!("-c{connections}"), &format!("-d{}s", span.as_secs())])
            .arg(format!("http://127.0.0.1:{port}/"))
            .stdout(Stdio::piped())
            .spawn();
        begun.map(Begun).map_err(|error| Failure::Failed(format!("cannot start wrk: {error}")))
    }

    fn parse(text: &str) -> Option<Self> {
        let after = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
        let errors =
            after("Socket errors:").unwrap_or_default().split([' ', ',']).filter_map(|it| it.parse::<u64>().ok());
        let refused = after("Non-2xx or 3xx responses:").and_then(|it| it.parse::<u64>().ok()).unwrap_or_default();
        let requests = text.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())?;
        Some(Self {
            per_second: after("Requests/sec:")?.parse().ok()?,
            p50_ms: millis(after("50%")?)?,
            p99_ms: millis(after("99%")?)?,
            requests,
            failed: errors.sum::<u64>() + refused,
        })
    }
}

impl Begun {
    /// Ends it now.
    pub(super) fn stop(self) -> Result<Load, Failure> {
        signal(self.0.id(), Signal::INT);
        self.end()
    }

    /// Waits for its end.
    pub(super) fn end(self) -> Result<Load, Failure> {
        let output = self.0.wait_with_output().map_err(|error| Failure::Failed(format!("wrk: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Load::parse(&text).ok_or_else(|| Failure::Failed(format!("wrk said what is not understood:\n{text}")))
    }
}

/// `1.23ms`, `456.00us`, `1.05s`.
fn millis(text: &str) -> Option<f64> {
    let at = text.find(|it: char| it.is_ascii_alphabetic())?;
    let (number, unit) = (text[..at].parse::<f64>().ok()?, &text[at..]);
    match unit {
        "us" => Some(number / 1e3),
        "ms" => Some(number),
        "s" => Some(number * 1e3),
        "m" => Some(number * 6e4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_understood() {
        let text = "Running 5s test @ http://127.0.0.1:1/\n  Latency Distribution\n     50%  456.00us\n     75%    1.00ms\n     99%    1.05s \n  \
                    1234 requests in 5.00s, 1.00MB read\n  Socket errors: connect 0, read 3, write 1, timeout 2\n  Non-2xx or 3xx \
                    responses: 4\nRequests/sec:  246.80\nTransfer/sec:  1.00MB\n";
        let load = Load { per_second: 246.8, p50_ms: 0.456, p99_ms: 1050.0, requests: 1234, failed: 10 };
        assert_eq!(Load::parse(text), Some(load));
    }
}
