//! Where copies go: a directory, buckets, or both.

use crate::{
    Credentials, Endpoint, S3,
    file::{Setting, Table, Written},
};
use report::{Finding, Secret};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Where copies go.
pub(super) struct Places {
    /// Where they are made.
    pub(super) to: PathBuf,
    /// Do they stay there?
    pub(super) stays: bool,
    pub(super) s3: Vec<S3>,
}

pub(super) fn read(table: &Table<'_>, data: &Path) -> Places {
    let sources = table.context.sources;
    let setting = table.setting("to").flag("--to", &sources.flags.backup_to);
    let written = setting.places();
    let (buckets, directories): (Vec<_>, Vec<_>) = written.iter().partition(|it| it.text.contains("://"));
    if let Some(second) = directories.get(1) {
        let hint = "one directory and any number of `s3://BUCKET/PREFIX` can be written";
        setting.refuse(second, "copies go to one directory", hint);
    }
    let s3: Vec<_> = buckets.into_iter().filter_map(|written| bucket(table, &setting, written)).collect();
    let to = match (directories.first(), written.is_empty()) {
        (Some(written), _) => sources.root.join(&written.text),
        (None, true) => data.join("backups"),
        // Not where others lie that were meant to stay.
        (None, false) => data.join("backups-on-their-way"),
    };
    Places { to, stays: written.is_empty() || !directories.is_empty(), s3 }
}

fn bucket(table: &Table<'_>, to: &Setting<'_>, written: &Written) -> Option<S3> {
    let context = table.context;
    let address =
        S3::address(&written.text).unwrap_or_else(|| Err(format!("`{}` is no place that is known", written.text)));
    let (bucket, prefix) = match address {
        Ok(address) => address,
        Err(why) => {
            to.refuse(
                written,
                &why,
                "write a directory, or `s3://BUCKET/PREFIX`: small letters, digits and `-` in the name of the bucket",
            );
            return None;
        }
    };
    let s3 = table.table("s3");
    let region = s3.setting("region").text();
    let region = region.or_else(|| variable(table, &["AWS_REGION", "AWS_DEFAULT_REGION"]));
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = endpoint(table, &s3, &bucket, &region)?;
    let credentials = credentials(table, &s3);
    if credentials.is_none() && !context.sources.lenient {
        let finding = context.error(&written.origin, &format!("there are no credentials for `{}`", written.text));
        context.problem(finding.hint(HOW_TO_GIVE_CREDENTIALS));
    }
    let timeout = s3.setting("timeout").pause().unwrap_or(Duration::from_secs(30));
    Some(S3 { bucket, prefix, endpoint, region, credentials, timeout })
}

const HOW_TO_GIVE_CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write `access_key = \"${…}\"` and `secret_key = \"${…}\"` into `[backup.s3]`";

fn endpoint(table: &Table<'_>, s3: &Table<'_>, bucket: &str, region: &str) -> Option<Endpoint> {
    let setting = s3.setting("endpoint");
    let context = table.context;
    let by_variable = || variable(table, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
    let text = setting.text().or_else(by_variable);
    // A certificate for `*.s3.REGION.amazonaws.com` is none for a bucket with a dot.
    let style = s3.setting("style").choice().map(|style| style == "path");
    let path_style = style.unwrap_or(text.is_some() || bucket.contains('.'));
    let text = text.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let refuse = |summary: &str, hint: &str| {
        match setting.given() {
            Some(written) => setting.refuse(&written, summary, hint),
            None => context.problem(Finding::error(format!("the variable AWS_ENDPOINT_URL: {summary}")).hint(hint)),
        }
        None
    };
    match Endpoint::parse(&text, path_style) {
        Err(why) => refuse(&why, "write `https://HOST` or `https://HOST:PORT`"),
        Ok(it) if !it.tls && !it.is_loopback() && s3.setting("plain_http").bool() != Some(true) => refuse(
            &format!("`{it}` is another machine, and everybody between could read the copies"),
            "write `https://`, or `plain_http = true` into `[backup.s3]` if that is meant",
        ),
        Ok(it) => Some(it),
    }
}

fn credentials(table: &Table<'_>, s3: &Table<'_>) -> Option<Credentials> {
    let own = s3.setting("access_key").text();
    let token = s3.setting("session_token").text();
    // A token belongs to its key.
    let token = token.or_else(|| own.is_none().then(|| variable(table, &["AWS_SESSION_TOKEN"])).flatten());
    let secret = s3.setting("secret_key").text().or_else(|| variable(table, &["AWS_SECRET_ACCESS_KEY"]));
    Some(Credentials {
        access_key: own.or_else(|| variable(table, &["AWS_ACCESS_KEY_ID"]))?,
        secret_key: Secret::from(secret?),
        session_token: token.map(Secret::from),
    })
}

fn variable(table: &Table<'_>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| table.context.var(name)).map(str::to_owned)
}
