//! Why an object store did not do it.

use config::S3;
use database::{Patience, Refusal};
use report::{Finding, Outcome};
use retry::{Classify, GaveUp, Transience};
use std::io;

/// Why an object store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Nobody has said who asks.
    #[error("there are no credentials for `{place}`")]
    NoCredentials {
        /// `s3://bucket/prefix`
        place: String,
    },
    /// There was no proper answer.
    #[error("{refusal}")]
    Unreachable {
        /// Why.
        refusal: Box<Refusal>,
    },
    /// The server has said no.
    #[error("{}", said(.status, .code, .message))]
    Said {
        /// The status of HTTP.
        status: u16,
        /// S3's word for it: `NoSuchBucket`.
        code: String,
        /// In the server's words.
        message: String,
        /// The region that the bucket is in, where the server tells.
        region: Option<String>,
    },
    /// It answered with something that S3 does not.
    #[error("{0}")]
    Garbled(String),
    /// It is larger than it may be.
    #[error("it has more than {0} bytes")]
    TooLarge(usize),
    /// The file to send, or the one to write, failed.
    #[error("{0}")]
    File(#[source] io::Error),
}

fn said(status: &u16, code: &str, message: &str) -> String {
    match (code, message) {
        ("", _) => format!("the server answered with status {status}"),
        (code, "") => format!("{code} (status {status})"),
        (code, message) => format!("{code}: {message} (status {status})"),
    }
}

/// What heals by itself, by the error codes of the S3 API and the statuses of HTTP.
const PASSING_CODES: [&str; 6] =
    ["InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown", "TooManyRequests"];

impl Classify for ObjectError {
    fn transience(&self) -> Transience {
        let passes = match self {
            Self::NoCredentials { .. } | Self::File(_) | Self::TooLarge(_) => false,
            Self::Garbled(_) => true,
            Self::Unreachable { refusal } => refusal.patience != Patience::None,
            Self::Said { status, code, .. } => {
                PASSING_CODES.contains(&code.as_str()) || matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
            }
        };
        if passes { Transience::Transient } else { Transience::Permanent }
    }
}

impl From<GaveUp<ObjectError>> for ObjectError {
    fn from(gave_up: GaveUp<Self>) -> Self {
        match gave_up {
            GaveUp::Permanent { error, .. }
            | GaveUp::UnknownOutcome { error, .. }
            | GaveUp::Exhausted { error, .. } => error,
        }
    }
}

impl ObjectError {
    pub(crate) fn is_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Said { code, .. } if code == wanted)
    }

    /// Is the object, or the upload, simply not there?
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Said { code, .. } if code == "NoSuchBucket" => false,
            Self::Said { status, .. } => *status == 404,
            _ => false,
        }
    }

    /// The exit code it leads to: waiting mends nothing that was configured wrongly.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NoCredentials { .. } => Outcome::Misused,
            Self::Said { .. } if self.transience() == Transience::Permanent => Outcome::Misused,
            _ => Outcome::Failed,
        }
    }

    /// What was seen, and what to do, of `s3`.
    pub fn explain(&self, finding: Finding, s3: &S3) -> Finding {
        let finding = match self {
            Self::NoCredentials { .. } => finding,
            other => finding.seen(other),
        };
        match self.hint(s3) {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }

    fn hint(&self, s3: &S3) -> Option<String> {
        let keys = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `access_key` and `secret_key` in `[backup.s3]`";
        let (code, region) = match self {
            Self::NoCredentials { .. } => return Some(format!("set {keys}")),
            Self::Unreachable { refusal } => {
                let check = format!("check `endpoint` in `[backup.s3]` or AWS_ENDPOINT_URL: it is {}", s3.endpoint);
                return Some(refusal.hint.clone().map_or(check.clone(), |hint| format!("{hint}\n{check}")));
            }
            Self::Said { code, region, .. } => (code.as_str(), region),
            Self::Garbled(_) => return Some(format!("does {} speak S3?", s3.endpoint)),
            Self::File(_) | Self::TooLarge(_) => return None,
        };
        if let Some(region) = region.as_ref().filter(|region| **region != s3.region) {
            return Some(format!(
                "say `region = \"{region}\"` in `[backup.s3]`, or set AWS_REGION: requests were signed for {}",
                s3.region
            ));
        }
        Some(match code {
            "NoSuchBucket" => {
                format!("make the bucket `{}`, or check its name in `to`, and the endpoint {}", s3.bucket, s3.endpoint)
            }
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" => format!("check {keys}"),
            "ExpiredToken" | "TokenRefreshRequired" => {
                format!("these credentials were for a time, and it is over: get new ones, and set {keys}")
            }
            "InvalidToken" => "AWS_SESSION_TOKEN is not that of the key: set it anew, or unset it".to_owned(),
            "AccessDenied" | "AllAccessDisabled" => {
                "the key has to be allowed s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject and \
                 s3:AbortMultipartUpload there"
                    .to_owned()
            }
            "RequestTimeTooSkewed" => "the clock of this machine is wrong, or the server's: set it".to_owned(),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => {
                format!("is the bucket in another region than {}? Say `region` in `[backup.s3]`", s3.region)
            }
            _ => return None,
        })
    }
}
