//! A container, as `docker inspect` tells of it.

use super::LABEL;
use crate::ReleaseId;
use serde_json::Value;

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its number, in all its digits.
    pub id: String,
    /// `running`, `exited`, `restarting` …
    pub status: String,
    /// What its health check says: `starting`, `healthy`, `unhealthy`; nothing when it has none.
    pub health: Option<String>,
    /// The last words of its health check.
    pub said: Option<String>,
    /// How its main process has ended.
    pub exit_code: i64,
    /// Did it want more memory than it may have?
    pub out_of_memory: bool,
    /// So often Docker has started it again by itself.
    pub restarts: u64,
    /// The release that it was made for.
    pub release: Option<ReleaseId>,
}

impl Container {
    /// Does it run, and is it healthy as far as that is asked?
    pub fn is_well(&self) -> bool {
        self.status == "running" && self.health.as_deref().is_none_or(|health| health == "healthy")
    }

    /// Is it there, or about to be?
    pub fn is_up(&self) -> bool {
        !matches!(self.status.as_str(), "created" | "exited" | "dead")
    }

    /// Will nothing become of it?
    pub fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "exited" | "dead") || self.health.as_deref() == Some("unhealthy")
    }

    /// In words.
    pub fn state(&self) -> String {
        let memory = if self.out_of_memory { ", out of memory" } else { "" };
        match (&self.health, self.status.as_str()) {
            (Some(health), "running") => {
                let said = self.said.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
                format!("{health}{said}")
            }
            (_, "running") => "running".to_owned(),
            (_, status) => format!("{status} with exit code {}{memory}", self.exit_code),
        }
    }
}

pub(super) fn read_all(text: &str) -> Result<Vec<Container>, String> {
    let all: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    all.iter().map(|value| read(value).ok_or_else(|| "a container without `Id` or `State`".to_owned())).collect()
}

fn read(value: &Value) -> Option<Container> {
    let state = value.get("State")?;
    let health = state.get("Health").filter(|health| !health.is_null());
    let said = health.and_then(|health| health["Log"].as_array()?.last()?["Output"].as_str());
    Some(Container {
        id: value.get("Id")?.as_str()?.to_owned(),
        status: state["Status"].as_str()?.to_owned(),
        health: health.and_then(|health| health["Status"].as_str()).filter(|it| *it != "none").map(str::to_owned),
        said: said.map(|said| said.trim().to_owned()).filter(|said| !said.is_empty()),
        exit_code: state["ExitCode"].as_i64().unwrap_or_default(),
        out_of_memory: state["OOMKilled"].as_bool().unwrap_or_default(),
        restarts: value["RestartCount"].as_u64().unwrap_or_default(),
        release: value["Config"]["Labels"][LABEL].as_str().and_then(|id| id.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 6, point 6: health, restarts and the release are read from what Docker tells.
    #[test]
    fn containers_are_read() {
        let text = r#"[{"Id": "ab12", "RestartCount": 2,
            "State": {"Status": "running", "ExitCode": 0, "OOMKilled": false,
                "Health": {"Status": "unhealthy", "Log": [{"Output": "first"}, {"Output": "no prices\n"}]}},
            "Config": {"Labels": {"mainstay.release": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}}},
            {"Id": "cd34", "RestartCount": 0, "State": {"Status": "exited", "ExitCode": 137, "OOMKilled": true}, "Config": {}},
            {"Id": "ef56", "State": {"Status": "running"}}]"#;
        let all = read_all(text).unwrap();
        let states: Vec<_> = all.iter().map(|it| (it.state(), it.is_well(), it.has_failed())).collect();
        let expected = [
            ("unhealthy: no prices", false, true),
            ("exited with exit code 137, out of memory", false, true),
            ("running", true, false),
        ];
        assert_eq!(states, expected.map(|(state, well, failed)| (state.to_owned(), well, failed)));
        assert_eq!(
            (all[0].restarts, all[0].release.map(|id| id.to_string())),
            (2, Some("01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned()))
        );
        assert!(read_all("{}").is_err() && read_all("[{}]").is_err());
    }
}
