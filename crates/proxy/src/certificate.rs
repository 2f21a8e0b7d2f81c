//! What a certificate says (RFC 5280).

use jiff::{Timestamp, ToSpan};
use x509_cert::{
    der::Decode,
    ext::pkix::{SubjectAltName, name::GeneralName},
    time::Time,
};

const DAY: i64 = 24 * 60 * 60;
/// Two weeks.
const FEW: i64 = 14 * DAY;

/// The certificate of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The names it is for, in small letters.
    pub names: Vec<String>,
    /// Who has signed it.
    pub issuer: String,
    /// It holds from then…
    pub from: Timestamp,
    /// …until then.
    pub until: Timestamp,
}

impl Certificate {
    /// Reads one in DER.
    pub fn of(der: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate;
        let (_, names) = certificate.get::<SubjectAltName>().ok()?.unwrap_or((false, SubjectAltName(Vec::new())));
        let names = names.0.into_iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            _ => None,
        });
        Some(Self {
            names: names.collect(),
            issuer: certificate.issuer.to_string(),
            from: moment(certificate.validity.not_before),
            until: moment(certificate.validity.not_after),
        })
    }

    /// Whole days until it holds no more; less than nothing when it does not already.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        (self.until.as_second() - now.as_second()).div_euclid(DAY)
    }

    /// Fewer than two weeks are left, or than a quarter of its life where that is shorter.
    pub fn is_over_soon(&self, now: Timestamp) -> bool {
        let life = self.until.as_second().saturating_sub(self.from.as_second()).max(0);
        self.until.as_second() - now.as_second() < (life / 4).min(FEW)
    }

    /// Is it for this name? A `*` stands for one whole label (RFC 6125, 6.4.3).
    pub fn is_for(&self, name: &str) -> bool {
        let above = name.split_once('.').map(|(_, above)| above);
        self.names.iter().any(|own| own == name || own.strip_prefix("*.").is_some_and(|own| Some(own) == above))
    }

    /// Two thirds of its life are over then.
    pub fn renewal(&self) -> Timestamp {
        let life = self.until.as_second().saturating_sub(self.from.as_second()).max(0);
        self.from.checked_add((life / 3 * 2).seconds()).unwrap_or(self.until)
    }
}

fn moment(time: Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// S4.9: names, days and the time of renewal are those of the certificate.
    #[test]
    fn a_certificate_tells_its_names_and_its_life() {
        let signed =
            rcgen::generate_simple_self_signed(["Shop.example".to_owned(), "*.shop.example".to_owned()]).unwrap();
        let read = Certificate::of(signed.cert.der()).unwrap();
        assert_eq!(read.names, ["shop.example", "*.shop.example"]);
        for (name, covered) in
            [("shop.example", true), ("www.shop.example", true), ("a.b.shop.example", false), ("example", false)]
        {
            assert_eq!(read.is_for(name), covered, "{name}");
        }
        let read = Certificate { from: at(0), until: at(90 * DAY), ..read };
        assert_eq!(read.renewal(), at(60 * DAY));
        for (now, days) in [(0, 90), (1, 89), (89 * DAY, 1), (90 * DAY - 1, 0), (90 * DAY + 1, -1)] {
            assert_eq!(read.days_left(at(now)), days, "{now}");
        }
        assert_eq!(Certificate::of(b"no certificate"), None);
    }
}
