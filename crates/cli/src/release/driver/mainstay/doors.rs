//! Where the new services are asked, as long as nobody else asks them.

use super::{super::super::work::Work, daemon};
use crate::start::World;
use control::Door;
use proxy::control::Ask;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// So long the proxy may take to see that the service is there.
const PROXY: Duration = Duration::from_secs(5);

/// Where the new services are asked. Those that were started alone have their own addresses.
pub(in crate::release) async fn doors(work: &Work<'_>, world: &World) -> Vec<Door> {
    if let Some(candidate) = &work.candidate {
        return candidate.doors.clone();
    }
    let door = |service: &str, address| Door { service: service.to_owned(), address, from: None, private: true };
    let own = world.app.services.iter().filter_map(|it| Some(door(&it.name, it.listen?.to_string())));
    let mut doors: Vec<_> = own.collect();
    let proxied = world.app.proxy.as_ref();
    if let Some(proxy) = proxied {
        doors.extend(timeout(PROXY, passed_on(world)).await.ok().map(|address| door(&proxy.to, address)));
    }
    // Those with a port of their own that nobody passes requests on to.
    let status = daemon::status(work).await.ok().flatten();
    let others = status.iter().flat_map(|status| &status.services);
    let others = others.filter(|service| proxied.is_none_or(|proxy| proxy.to != service.name));
    doors.extend(others.filter_map(|it| Some(door(&it.name, format!("127.0.0.1:{}", it.port?)))));
    doors
}

/// Where the proxy passes requests on to, as soon as there is somebody.
async fn passed_on(world: &World) -> String {
    let path = world.app.run_dir().join("proxy.sock");
    loop {
        let view = proxy::control::ask(&path, &Ask::Look).await.ok();
        let live = view.and_then(|view| view.backends.into_iter().find(|it| it.state == "live"));
        match live {
            Some(backend) => return backend.address,
            None => sleep(Duration::from_millis(20)).await,
        }
    }
}
