//! The sockets of one connection, one for each address.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

pub(super) struct Socket {
    socket: UdpSocket,
    pub(super) address: SocketAddr,
    pub(super) preference: u16,
}

/// Datagrams that wait for their socket; those beyond are lost, as in a full queue on the way.
const UNSENT_DATAGRAMS: usize = 64;

/// The sockets, and what they did not take yet.
#[derive(Default)]
pub(super) struct Sockets {
    open: Vec<Socket>,
    /// A socket that is new takes nothing until the runtime has looked at it once; one whose
    /// buffer is full takes nothing for a moment.
    unsent: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
}

impl Sockets {
    /// Opens a socket on the address, with a port the system chooses.
    pub(super) fn open(&mut self, address: IpAddr, preference: u16) -> io::Result<SocketAddr> {
        let socket = std::net::UdpSocket::bind((address, 0))?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        self.open.push(Socket {
            socket: UdpSocket::from_std(socket)?,
            address: local,
            preference,
        });
        Ok(local)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.open.iter()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Socket) -> bool) {
        self.open.retain(keep);
    }

    /// Waits for a datagram on any socket: where it comes from, which socket it came to, and its
    /// length in `buffer`.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(SocketAddr, SocketAddr, usize)>> {
        self.poll_flush(cx);
        for socket in &self.open {
            let mut filled = ReadBuf::new(buffer);
            if let Poll::Ready(result) = socket.socket.poll_recv_from(cx, &mut filled) {
                let length = filled.filled().len();
                return Poll::Ready(result.map(|source| (source, socket.address, length)));
            }
        }
        Poll::Pending
    }

    /// Sends from the socket on `base`. What cannot be sent at all is lost, as on the way.
    pub(super) fn send(&mut self, base: SocketAddr, destination: SocketAddr, datagram: &[u8]) {
        let Some(socket) = self.open.iter().find(|socket| socket.address == base) else {
            return;
        };
        match socket.socket.try_send_to(datagram, destination) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if self.unsent.len() < UNSENT_DATAGRAMS {
                    self.unsent
                        .push_back((base, destination, datagram.to_vec()));
                }
            }
            Err(error) => tracing::trace!(%destination, %error, "a datagram was not sent"),
        }
    }

    /// Sends what had to wait, as far as it goes.
    fn poll_flush(&mut self, cx: &mut Context<'_>) {
        while let Some((base, destination, datagram)) = self.unsent.front() {
            let socket = self.open.iter().find(|socket| socket.address == *base);
            if let Some(socket) = socket
                && let Poll::Pending = socket.socket.poll_send_to(cx, datagram, *destination)
            {
                return;
            }
            self.unsent.pop_front();
        }
    }
}
