//! Somebody outside is told how something ended.

use std::time::Duration;

/// One ping takes no longer.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks for `url`; what is wrong with the answer, in a sentence.
pub(crate) async fn ping(url: &str) -> Result<(), String> {
    match probe::http_get(url, LIMIT).await {
        Ok(response) if (200..400).contains(&response.status) => Ok(()),
        Ok(response) => Err(format!("it answered with status {}", response.status)),
        Err(refusal) => Err(refusal.to_string()),
    }
}
