//! The plain TCP port.
#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod common;

use common::*;
use database::ServerState;
use health::{Phase, tcp::serve};
use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    time::Duration,
};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{sleep, timeout},
};

/// A listener bound by number, as a configured one is: the kernel keeps only such a port.
fn listener() -> TcpListener {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener;
        }
    }
}

/// Connects until the port is open or not, as wished.
async fn until(address: SocketAddr, open: bool) {
    loop {
        match TcpStream::connect(address).await {
            Ok(mut stream) if open => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.unwrap();
                assert!(rest.is_empty(), "it says nothing");
                return;
            }
            Err(error) if !open && error.kind() == ErrorKind::ConnectionRefused => return,
            _ => sleep(Duration::from_millis(5)).await,
        }
    }
}

/// S2.9: a probe that can only connect is told the truth too: the port is closed while critical, and opens again.
#[tokio::test]
async fn the_port_is_open_while_healthy() {
    let board = board(&[database("main")]);
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let test = async {
        until(address, true).await;
        board.phase(Phase::Watch);
        until(address, false).await;
        passes(&board, "main");
        until(address, true).await;
        until(address, true).await;
        fails(&board, "main", ServerState::Down, "connection refused");
        until(address, false).await;
        passes(&board, "main");
        until(address, true).await;
    };
    tokio::select! {
        ended = serve(listener, board.clone()) => panic!("ended: {ended:?}"),
        done = timeout(Duration::from_secs(20), test) => done.expect("in time"),
    }
}

/// Waiting for a change costs nothing: a task that spins would never let a paused clock move on.
#[tokio::test(start_paused = true)]
async fn it_sleeps_while_nothing_happens() {
    let board = board(&[database("main")]);
    board.phase(Phase::Watch);
    let port = serve(listener(), board.clone());
    assert!(timeout(Duration::from_secs(3600), port).await.is_err());
}
