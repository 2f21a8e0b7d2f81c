//! One order, from the account to the certificate (RFC 8555, 7). What was begun before is gone on with, so that none is asked for twice.

use super::{
    Challenges,
    client::Client,
    store::{Begun, Store},
};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order, OrderStatus, Problem,
    RetryPolicy,
};
use std::{io, time::Duration};

/// The authority looks at the names, and signs, within this time.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).timeout(Duration::from_secs(90));
/// What an authority says is told up to this length.
const LONGEST_WORDS: usize = 600;

/// What an order needs.
pub(super) struct Errand<'a> {
    pub(super) wanted: &'a config::Acme,
    pub(super) store: &'a Store,
    pub(super) challenges: &'a Challenges,
    pub(super) client: &'a Client,
    /// Remembers what was begun, or that nothing is.
    pub(super) begun: &'a (dyn Fn(Option<Begun>) + Sync),
}

/// A certificate with those above it, and its key; both as PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Errand<'_> {
    /// Runs the order; `before` is one that was begun and not finished. An error is told in the authority's own words.
    pub(super) async fn run(&self, before: Option<Begun>) -> Result<Issued, String> {
        let account = self.account().await?;
        let (mut order, begun) = match self.resumed(&account, before).await {
            Some(resumed) => resumed,
            None => self.begin(account).await?,
        };
        if order.state().status == OrderStatus::Pending {
            self.prove(&mut order).await?;
        }
        if order.state().status == OrderStatus::Ready {
            let request = request(&self.wanted.domains, &begun.key)?;
            order.finalize_csr(&request).await.map_err(|error| told(&error))?;
        }
        let chain = order.poll_certificate(&PATIENCE).await.map_err(|error| told(&error))?;
        Ok(Issued { chain, key: begun.key })
    }

    async fn account(&self) -> Result<Account, String> {
        let directory = &self.wanted.directory;
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        if let Some(credentials) = self.store.account(directory) {
            return builder.from_credentials(credentials).await.map_err(|error| told(&error));
        }
        let contact = self.wanted.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        // Agreed to in the configuration, which is refused otherwise.
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) =
            builder.create(&new, directory.clone(), None).await.map_err(|error| told(&error))?;
        self.store.keep_account(directory, &credentials).map_err(|error| unkept(&error))?;
        Ok(account)
    }

    /// One that has failed, or that the authority does not know, is none.
    async fn resumed(&self, account: &Account, before: Option<Begun>) -> Option<(Order, Begun)> {
        let begun = before?;
        let mut order = account.order(begun.url.clone()).await.ok()?;
        (order.state().status != OrderStatus::Invalid).then_some((order, begun))
    }

    async fn begin(&self, account: Account) -> Result<(Order, Begun), String> {
        let names: Vec<_> = self.wanted.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut ordered = account.new_order(&NewOrder::new(&names)).await;
        if matches!(&ordered, Err(Error::Api(problem)) if is(problem, "accountDoesNotExist")) {
            self.store.forget_account().map_err(|error| unkept(&error))?;
            ordered = self.account().await?.new_order(&NewOrder::new(&names)).await;
        }
        let order = ordered.map_err(|error| told(&error))?;
        let key = rcgen::KeyPair::generate().map_err(|error| error.to_string())?.serialize_pem();
        let begun = Begun { url: order.url().to_owned(), key };
        (self.begun)(Some(begun.clone()));
        Ok((order, begun))
    }

    /// Shows the authority that each name leads here.
    async fn prove(&self, order: &mut Order) -> Result<(), String> {
        let cleared = Cleared(self.challenges);
        self.answer(order).await.map_err(|error| told(&error))?;
        let polled = order.poll_ready(&PATIENCE).await;
        drop(cleared);
        let words = match polled {
            Ok(OrderStatus::Ready) => return Ok(()),
            Ok(_) => "the authority has refused the order".to_owned(),
            Err(error) => told(&error),
        };
        let found = found(order).await;
        // A failed order is over.
        (self.begun)(None);
        Err(if found.is_empty() { words } else { found.join("; ") })
    }

    async fn answer(&self, order: &mut Order) -> Result<(), Error> {
        let mut names = order.authorizations();
        while let Some(name) = names.next().await {
            let mut name = name?;
            if name.status != AuthorizationStatus::Pending {
                continue;
            }
            let offered = name.challenge(ChallengeType::Http01);
            let mut challenge = offered.ok_or(Error::Unsupported("proof over HTTP (http-01)"))?;
            self.challenges.put(&challenge.token, challenge.key_authorization().as_str());
            challenge.set_ready().await?;
        }
        Ok(())
    }
}

/// Nothing is answered any more, also when nobody waits for the order.
struct Cleared<'a>(&'a Challenges);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// What the authority has found at each name.
async fn found(order: &mut Order) -> Vec<String> {
    let mut all = Vec::new();
    let mut names = order.authorizations();
    while let Some(Ok(mut name)) = names.next().await {
        let said = name.identifier().to_string();
        let Ok(state) = name.refresh().await else { continue };
        let problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        all.extend(problems.map(|problem| format!("{said}: {}", words(problem))));
    }
    all
}

fn request(names: &[String], key: &str) -> Result<Vec<u8>, String> {
    let made = || {
        let key = rcgen::KeyPair::from_pem(key)?;
        let mut parameters = rcgen::CertificateParams::new(names)?;
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        Ok::<_, rcgen::Error>(parameters.serialize_request(&key)?.der().to_vec())
    };
    made().map_err(|error| format!("the request cannot be written: {error}"))
}

fn is(problem: &Problem, kind: &str) -> bool {
    problem.r#type.as_deref().is_some_and(|it| it.strip_prefix("urn:ietf:params:acme:error:") == Some(kind))
}

fn unkept(error: &io::Error) -> String {
    format!("the account cannot be kept: {error}")
}

fn told(error: &Error) -> String {
    match error {
        Error::Api(problem) => words(problem),
        Error::Timeout(_) => "the authority has not finished the order in time".to_owned(),
        Error::Json(error) => format!("the authority answers with something else than ACME: {error}"),
        other => bounded(&other.to_string()),
    }
}

/// The authority's own words, and its name for the problem.
fn words(problem: &Problem) -> String {
    let detail = problem.detail.as_deref().unwrap_or("no reason was given");
    let kind = problem.r#type.as_deref().map(|it| it.rsplit(':').next().unwrap_or(it));
    let parts = problem.subproblems.iter().filter_map(|it| it.detail.as_deref());
    let all: Vec<_> = std::iter::once(detail).chain(parts).collect();
    let all = all.join("; ");
    bounded(&kind.map_or(all.clone(), |kind| format!("{all} ({kind})")))
}

fn bounded(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).take(LONGEST_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4.9: the authority's own words are told, and are bounded.
    #[test]
    fn refusals_are_told_in_the_words_of_the_authority() {
        let problem = |json: &str| serde_json::from_str::<Problem>(json).unwrap();
        let refused = problem(
            r#"{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many", "status": 429,
                "subproblems": [{"detail": "for\nall"}]}"#,
        );
        assert_eq!(words(&refused), "too many; for all (rateLimited)");
        assert!(is(&refused, "rateLimited"));
        let long = format!(r#"{{"detail": "{}"}}"#, "x".repeat(5000));
        assert_eq!(words(&problem(&long)).len(), LONGEST_WORDS);
    }
}
