//! `mainstay proxy`

mod ask;
mod serve;

use crate::{
    args::{Proxy, ProxyVerb},
    context::Context,
};
use proxy::control::Ask;
use report::Outcome;

/// Passes requests on, or asks a proxy that does.
pub(super) async fn proxy(context: &Context, args: Proxy) -> Outcome {
    match args.verb {
        None => serve::serve(context, args.serve).await,
        Some(ProxyVerb::Switch(args)) => ask::switch(context, args).await,
        Some(ProxyVerb::Hold(args)) => ask::ask(context, &Ask::Hold, &args).await,
        Some(ProxyVerb::Resume(args)) => ask::ask(context, &Ask::Resume, &args).await,
        Some(ProxyVerb::Renew(args)) => ask::renew(context, args).await,
        Some(ProxyVerb::Status(args)) => ask::ask(context, &Ask::Look, &args).await,
    }
}
