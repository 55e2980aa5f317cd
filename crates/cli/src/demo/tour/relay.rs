//! A wire that can be cut: it carries the bytes of TCP connections to an address and back.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The wire; gone when it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Carries what connects to [`Relay::address`] to `target`.
    pub(super) async fn to(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (whole, state) = watch::channel(true);
        let task = tokio::spawn(carry(listener, target, state));
        Ok(Self {
            address,
            whole,
            task,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection, and closes every new one at once.
    pub(super) fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets new connections through again.
    pub(super) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.whole.send_replace(false);
    }
}

async fn carry(listener: TcpListener, target: SocketAddr, whole: watch::Receiver<bool>) {
    loop {
        // A connection that broke before it was taken is its caller's to make again.
        let Ok((near, _)) = listener.accept().await else {
            continue;
        };
        if *whole.borrow() {
            tokio::spawn(connection(near, target, whole.clone()));
        }
    }
}

async fn connection(mut near: TcpStream, target: SocketAddr, mut whole: watch::Receiver<bool>) {
    let carrying = async {
        let mut far = TcpStream::connect(target).await?;
        tokio::io::copy_bidirectional(&mut near, &mut far).await
    };
    tokio::select! {
        // Both ends see for themselves how it ended.
        _ = carrying => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}
