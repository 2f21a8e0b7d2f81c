//! Deliveries that were taken already.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::VecDeque, fmt::Write};

/// So many are remembered; a forge sends one again within hours.
const REMEMBERED: usize = 1024;
/// A longer name of a delivery is none.
const LONGEST: usize = 128;

/// Deliveries that were taken already: by the name that the forge gives them, and by their body, for the name is not signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seen(VecDeque<(Option<String>, String)>);

impl Seen {
    /// Is it the first time? From now on it is not.
    pub(super) fn is_new(&mut self, id: Option<&str>, body: &[u8]) -> bool {
        let id = id.map(|id| id.chars().take(LONGEST).collect::<String>());
        let digest = Sha256::digest(body).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let known = |(known, body): &(Option<String>, String)| *body == digest || (id.is_some() && *known == id);
        if self.0.iter().any(known) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((id, digest));
        true
    }
}
