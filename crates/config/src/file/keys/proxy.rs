//! The keys of `[proxy]`.

use crate::file::{Kind, Section, key::key};

/// The directory that is asked when no other is named.
pub(crate) const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// `[proxy.acme]`
static ACME: Section = Section {
    about: "Answers over TLS with a certificate that is asked for by ACME (RFC 8555) and renewed after two thirds of its life. The authority comes \
            to port 80 of each name, so `redirect` has to listen there; challenges are answered by the proxy, never by the service.",
    keys: &[
        key(
            "domains",
            Kind::Texts,
            "",
            "[\"shop.example\"]",
            "The names that the certificate is for. Needed; no wildcards, no addresses.",
        ),
        key(
            "agree",
            Kind::Bool,
            "false",
            "true",
            "You agree to the terms of service of the authority. Needed, and never done for you.",
        ),
        key("email", Kind::Text, "", "\"ops@shop.example\"", "Whom the authority may write to."),
        key(
            "directory",
            Kind::Text,
            LETS_ENCRYPT,
            "\"https://ca.shop.example/acme/directory\"",
            "The authority: the URL of its directory.",
        ),
        key(
            "root",
            Kind::Path,
            "",
            "\"/etc/ssl/shop-ca.pem\"",
            "The certificate by which the authority's own server is trusted, as PEM. Default: those that this system trusts.",
        ),
    ],
};

/// `[proxy]`
pub(crate) static PROXY: Section = Section {
    about: "HTTP requests are taken here and passed on to a service that has a port of its own for each release (`port = \"auto\"`): none is \
            lost while releases change, and they wait while the service or a database that it needs is away.",
    keys: &[
        key("listen", Kind::Texts, "", "[\"0.0.0.0:8080\"]", "The addresses at which requests are taken. Needed."),
        key("to", Kind::Text, "", "\"web\"", "The service. Default: the only one with `port = \"auto\"`."),
        key(
            "tls_cert",
            Kind::Path,
            "",
            "\"/etc/ssl/shop.pem\"",
            "Answers over TLS with this certificate and those above it, as PEM; read again when the file changes.",
        ),
        key("tls_key", Kind::Path, "", "\"/etc/ssl/shop.key\"", "The private key of the certificate, as PEM."),
        key(
            "redirect",
            Kind::Texts,
            "",
            "[\"0.0.0.0:80\"]",
            "Whoever comes to these addresses is sent to the same place over HTTPS.",
        ),
        key(
            "acme",
            Kind::Table(&ACME),
            "",
            "",
            "A certificate that is asked for and renewed, in place of `tls_cert` and `tls_key`.",
        ),
        key("hold_requests", Kind::Count, "1000", "200", "So many requests wait while the service is away."),
        key("hold_time", Kind::Duration, "30s", "\"10s\"", "So long each of them waits."),
        key(
            "drain",
            Kind::Duration,
            "30s",
            "\"2m\"",
            "So long requests may take to finish when another release takes over, and at the end.",
        ),
        key(
            "silence",
            Kind::Duration,
            "60s",
            "\"5m\"",
            "So long the service may say nothing while it answers; tunnels may be silent for ever.",
        ),
        key(
            "block",
            Kind::Texts,
            "",
            "[\"/admin\"]",
            "Paths that are not there, such as `/admin`, `.git`, `*.php`. Default: a list of what scanners try; `[]` blocks none.",
        ),
        key("headers", Kind::Texts, "", "[\"X-Served-By: shop\"]", "Headers for every answer that does not have them."),
        key(
            "trust_forwarded",
            Kind::Bool,
            "false",
            "true",
            "Believe what X-Forwarded-For and Forwarded say: only another proxy can reach this one.",
        ),
    ],
};
