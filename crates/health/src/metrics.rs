//! The numbers of `/metrics`, made when they are asked for; nothing is counted in the background.
//!
//! | name | type | labels | meaning |
//! | --- | --- | --- | --- |
//! | `mainstay_up` | gauge | | 1 while `/readyz` answers 200 |
//! | `mainstay_phase` | gauge | `phase` | 1 for the phase of the start, 0 for the others |
//! | `mainstay_uptime_seconds` | gauge | | how long mainstay has run |
//! | `mainstay_start_duration_seconds` | gauge | `step` | how long each finished phase took |
//! | `mainstay_dependency_up` | gauge | `name`, `kind` | 1 while it is ready |
//! | `mainstay_dependency_state` | gauge | `name`, `state` | 1 for what it is doing, 0 for the other states |
//! | `mainstay_dependency_latency_seconds` | gauge | `name` | how long its last answer took |
//! | `mainstay_dependency_checks_total` | counter | `name`, `verdict` | checks so far |
//! | `mainstay_queue_length` | gauge | `dependency`, `name` | entries waiting; two servers may have a queue of one name |
//! | `mainstay_service_up` | gauge | `service` | 1 while it does what is asked of it |
//! | `mainstay_service_restarts_total` | counter | `service` | restarts so far |
//! | `mainstay_migrations_pending` | gauge | | waiting to be applied; absent when not known |
//! | `mainstay_memory_total_bytes`, `mainstay_memory_available_bytes` | gauge | | of the machine |
//! | `mainstay_resident_bytes` | gauge | | memory of mainstay itself |
//! | `mainstay_disk_size_bytes`, `mainstay_disk_free_bytes` | gauge | `of` | the file systems of our data and of databases on this machine |
//! | `mainstay_journal_up` | gauge | | 1 while what happens is remembered; absent when that is not wanted |
//! | `mainstay_journal_size_bytes` | gauge | | its file |
//! | `mainstay_journal_dropped_total` | counter | | events that were left out of it |
//! | `mainstay_backup_stale` | gauge | `database` | 1 while a newer VERIFIED copy should be there |
//! | `mainstay_backup_verified_timestamp_seconds` | gauge | `database` | the moment that the newest VERIFIED copy shows, since 1970; absent without one |
//! | `mainstay_backup_verified_age_seconds` | gauge | `database` | how old that is |
//! | `mainstay_backup_age_limit_seconds` | gauge | `database` | how old it may get; absent where no copies are due |
//! | `mainstay_backup_size_bytes` | gauge | `database` | its size |
//! | `mainstay_backup_restore_seconds` | gauge | `database` | how long its restore took when it was tried |
//! | `mainstay_backup_copies` | gauge | `database` | copies, of whatever state |
//! | `mainstay_backup_verified_copies` | gauge | `database` | those of them that are VERIFIED |
//! | `mainstay_backup_failure_timestamp_seconds` | gauge | `database` | when a try last did not end in a VERIFIED copy; absent when none has |

use crate::{BackupHealth, CertificateHealth, DependencyHealth, Phase, Reading, Snapshot, judge, state::STATES};
use database::ServerState;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeCounterValue, EncodeMetric, MetricEncoder, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use std::fmt;
use tokio::time::Instant;

/// The content type of [`metrics`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is known, as OpenMetrics text. The names are in the module's source and in the manual, and are a contract.
pub fn metrics(known: &Snapshot) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape { known: known.clone(), now: Instant::now() }));
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Scrape {
    known: Snapshot,
    now: Instant,
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.application(&mut encoder)?;
        self.dependencies(&mut encoder)?;
        self.services(&mut encoder)?;
        self.backups(&mut encoder)?;
        self.certificates(&mut encoder)?;
        self.known
            .readings
            .chunk_by(|one, next| one.name == next.name)
            .try_for_each(|family| readings(&mut encoder, family))
    }
}

impl Scrape {
    fn application(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let known = &self.known;
        let up = one_if(judge(known).ready);
        gauge(encoder, "mainstay_up", "Everything required is ready", up)?;
        let phases = Phase::ALL.map(|phase| (vec![("phase", phase.word())], one_if(phase == known.phase)));
        gauges(encoder, "mainstay_phase", "How far the start has come", phases)?;
        let uptime = self.now.saturating_duration_since(known.started).as_secs_f64();
        gauge(encoder, "mainstay_uptime_seconds", "How long mainstay has run", uptime)?;
        let steps = known.steps.iter().map(|(phase, took)| (vec![("step", phase.word())], took.as_secs_f64()));
        gauges(encoder, "mainstay_start_duration_seconds", "How long each step of the start took", steps)?;
        match known.migrations.pending() {
            Some(count) => {
                gauge(encoder, "mainstay_migrations_pending", "Migrations that wait to be applied", count as f64)
            }
            None => Ok(()),
        }
    }

    fn dependencies(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = || self.known.dependencies.iter();
        let up = all().map(|it| (vec![("name", &*it.name), ("kind", it.kind)], one_if(it.state == ServerState::Ready)));
        gauges(encoder, "mainstay_dependency_up", "The dependency is ready", up)?;
        gauges(encoder, "mainstay_dependency_state", "What the dependency is doing", all().flat_map(states))?;
        let latency = all().filter_map(|it| Some((vec![("name", &*it.name)], it.latency?.as_secs_f64())));
        gauges(encoder, "mainstay_dependency_latency_seconds", "How long its last answer took", latency)?;
        counters(encoder, "mainstay_dependency_checks", "Checks so far", all().flat_map(checks))?;
        gauges(encoder, "mainstay_queue_length", "Entries waiting in the queue", all().flat_map(queues))
    }

    fn services(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = || self.known.services.iter();
        let up = all().map(|it| (vec![("service", &*it.name)], one_if(it.ready)));
        gauges(encoder, "mainstay_service_up", "The service does what is asked of it", up)?;
        let restarts = all().map(|it| (vec![("service", &*it.name)], it.restarts));
        counters(encoder, "mainstay_service_restarts", "Restarts so far", restarts)?;
        self.usage(encoder)
    }

    fn backups(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        if self.known.backups.is_empty() {
            return Ok(());
        }
        type Number = fn(&BackupHealth) -> Option<f64>;
        let families: [(&str, &str, Number); 9] = [
            ("mainstay_backup_stale", "A newer VERIFIED copy should be there", |it| Some(one_if(it.stale))),
            ("mainstay_backup_verified_timestamp_seconds", "What the newest VERIFIED copy shows", |it| {
                Some(it.newest?.taken)
            }),
            ("mainstay_backup_verified_age_seconds", "How old the newest VERIFIED copy is", |it| Some(it.newest?.age)),
            ("mainstay_backup_age_limit_seconds", "How old it may get", |it| Some(it.limit?.as_secs_f64())),
            ("mainstay_backup_size_bytes", "Its size", |it| Some(it.newest?.bytes as f64)),
            ("mainstay_backup_restore_seconds", "How long its restore took", |it| it.newest?.restore),
            ("mainstay_backup_copies", "Copies of whatever state", |it| Some(it.copies as f64)),
            ("mainstay_backup_verified_copies", "VERIFIED copies", |it| Some(it.verified as f64)),
            ("mainstay_backup_failure_timestamp_seconds", "When a try last failed", |it| it.failed_at),
        ];
        for (name, help, number) in families {
            let known =
                self.known.backups.iter().filter_map(|it| Some((vec![("database", &*it.database)], number(it)?)));
            gauges(encoder, name, help, known)?;
        }
        Ok(())
    }

    fn certificates(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        if self.known.certificates.is_empty() {
            return Ok(());
        }
        type Number = fn(&CertificateHealth) -> Option<f64>;
        let families: [(&str, &str, Number); 4] = [
            ("mainstay_certificate_expiry_timestamp_seconds", "Until when it holds", |it| it.until),
            ("mainstay_certificate_days_left", "Whole days until then", |it| Some(it.days_left? as f64)),
            ("mainstay_certificate_provisional", "We have signed it ourselves", |it| Some(one_if(it.until.is_none()))),
            ("mainstay_certificate_failing", "The last try to get another one failed", |it| Some(one_if(it.failing))),
        ];
        for (name, help, number) in families {
            let known = self.known.certificates.iter().filter_map(|it| Some((vec![("name", &*it.name)], number(it)?)));
            gauges(encoder, name, help, known)?;
        }
        Ok(())
    }

    fn usage(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = || self.known.usage.iter().map(|(name, usage)| (vec![("service", name.as_str())], usage));
        let cpu = all().map(|(labels, it)| (labels, it.cpu.as_secs_f64()));
        counters(encoder, "mainstay_service_cpu_seconds", "Processor time used so far", cpu)?;
        let memory = all().filter_map(|(labels, it)| Some((labels, it.memory? as f64)));
        gauges(encoder, "mainstay_service_memory_bytes", "Memory of all its processes", memory)?;
        let files = all().filter_map(|(labels, it)| Some((labels, it.open_files? as f64)));
        gauges(encoder, "mainstay_service_open_files", "Open files, sockets and pipes", files)?;
        let processes = all().map(|(labels, it)| (labels, it.processes as f64));
        gauges(encoder, "mainstay_service_processes", "Processes", processes)?;
        let kills = all().map(|(labels, it)| (labels, it.oom_kills));
        counters(encoder, "mainstay_service_oom_kills", "Kills for want of memory so far", kills)
    }
}

fn states(it: &DependencyHealth) -> impl Iterator<Item = (Labels<'_>, f64)> {
    STATES.into_iter().map(|state| (vec![("name", &*it.name), ("state", state.word())], one_if(state == it.state)))
}

fn queues(it: &DependencyHealth) -> impl Iterator<Item = (Labels<'_>, f64)> {
    it.queues.iter().map(|(name, length)| (vec![("dependency", &*it.name), ("name", &**name)], *length as f64))
}

fn checks(it: &DependencyHealth) -> [(Labels<'_>, u64); 3] {
    let labels = |verdict| vec![("name", &*it.name), ("verdict", verdict)];
    [
        (labels("pass"), it.counts.pass),
        (labels("fail"), it.counts.fail),
        (labels("could not verify"), it.counts.could_not_verify),
    ]
}

/// Those of one name: a single one without labels, or several with them.
fn readings(encoder: &mut DescriptorEncoder<'_>, family: &[Reading]) -> fmt::Result {
    let Some(first) = family.first() else { return Ok(()) };
    let kind = if first.total { MetricType::Counter } else { MetricType::Gauge };
    let mut encoder = encoder.encode_descriptor(first.name, first.help, None, kind)?;
    match family {
        [only] if only.labels.is_empty() => reading(only, encoder),
        all => all.iter().try_for_each(|it| reading(it, encoder.encode_family(&it.labels)?)),
    }
}

fn reading(it: &Reading, encoder: MetricEncoder<'_>) -> fmt::Result {
    match it.total {
        true => ConstCounter::new(it.value).encode(encoder),
        false => ConstGauge::new(it.value).encode(encoder),
    }
}

/// A single value without labels.
fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn gauges<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, f64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    values.into_iter().try_for_each(|(labels, value)| ConstGauge::new(value).encode(family.encode_family(&labels)?))
}

/// The encoder adds `_total` to the name.
fn counters<'a, N: Clone + EncodeCounterValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, N)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    values.into_iter().try_for_each(|(labels, value)| ConstCounter::new(value).encode(family.encode_family(&labels)?))
}

fn one_if(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}
