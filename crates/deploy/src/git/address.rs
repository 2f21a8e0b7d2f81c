//! Where commits are fetched from, without the secret in it.

use base64::{Engine, prelude::BASE64_STANDARD};
use config::Repository;
use percent_encoding::percent_decode_str;

/// A repository elsewhere. Git hands the URL of a remote on to its helpers as an argument, and keeps it in the files of submodules, so
/// who asks goes out of an `http(s)://` URL into a setting for that server alone (git-config(1)), which git reads from its environment:
/// with a password or token a header (`http.<url>.extraHeader`), else a name for the machine's helpers (`credential.<url>.username`).
pub(super) struct Address {
    url: String,
    who: Option<(String, String)>,
}

impl Address {
    pub(super) fn of(repository: &Repository) -> Self {
        let url = repository.reveal();
        split(&url).unwrap_or(Self { url, who: None })
    }

    /// What git has to be told, and must not be seen among its arguments.
    pub(super) fn settings(&self) -> Vec<(&str, &str)> {
        let who = self.who.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        [("remote.origin.url", self.url.as_str())].into_iter().chain(who).collect()
    }
}

/// Nothing when it does not say who asks.
fn split(url: &str) -> Option<Address> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (who, server) = authority.rsplit_once('@')?;
    let plain = |text| percent_decode_str(text).collect::<Vec<u8>>();
    let who = match who.split_once(':') {
        Some((user, password)) => {
            let basic = BASE64_STANDARD.encode([plain(user), plain(password)].join(&b':'));
            (format!("http.{scheme}://{server}/.extraHeader"), format!("Authorization: Basic {basic}"))
        }
        None => (format!("credential.{scheme}://{server}.username"), String::from_utf8_lossy(&plain(who)).into_owned()),
    };
    Some(Address { url: format!("{scheme}://{server}{}", &rest[authority.len()..]), who: Some(who) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Vec<(String, String)> {
        let address = Address::of(&Repository::Url(url.to_owned()));
        address.settings().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Issue 6, point 3: what is secret in a URL goes to its server alone; the header is the example of RFC 7617, section 2.
    #[test]
    fn a_password_leaves_the_url() {
        let header =
            ("http.https://git.example:8443/.extraHeader", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        for who in ["Aladdin:open%20sesame", "Aladdin:open sesame"] {
            let url = format!("https://{who}@git.example:8443/team/shop.git");
            let told = [("remote.origin.url", "https://git.example:8443/team/shop.git"), header];
            assert_eq!(settings(&url), told.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }

    /// A name alone, which may be a token too, goes to whoever knows the password.
    #[test]
    fn a_name_leaves_the_url_too() {
        let told =
            [("remote.origin.url", "https://git.example/a@b:c"), ("credential.https://git.example.username", "ghp/1")];
        let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(settings("https://ghp%2F1@git.example/a@b:c"), told);
    }

    #[test]
    fn other_addresses_stay_as_they_are() {
        for url in ["https://git.example/shop.git", "ssh://git@git.example/shop", "git@git.example:shop"] {
            assert_eq!(settings(url), [("remote.origin.url".to_owned(), url.to_owned())]);
        }
    }
}
