//! Keep-alives on real sockets, with a server made of bytes (RFC 5626).

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::on_loopback;
use offhook::{UserAgent, UserAgentEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

/// Much longer than anything here takes.
const SOON: Duration = Duration::from_secs(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("in good time")
}

/// The 200 of a registrar that wants a sign of life each second.
fn taken(register: &str) -> String {
    let line = |name: &str| {
        let start = format!("{name}:");
        register
            .lines()
            .find(|line| line.starts_with(&start))
            .map(|line| format!("{line}\r\n"))
            .expect("a header that every REGISTER has")
    };
    let headers: String = ["Via", "From", "To", "Call-ID", "CSeq", "Contact"]
        .iter()
        .map(|name| match *name {
            "To" => line(name).replace("\r\n", ";tag=reg\r\n"),
            name => line(name),
        })
        .collect();
    format!(
        "SIP/2.0 200 OK\r\n{headers}Require: outbound\r\nFlow-Timer: 1\r\nContent-Length: 0\r\n\r\n"
    )
}

async fn alice(server: &str) -> UserAgent {
    on_loopback("sip:alice@localhost")
        .server(server)
        .start()
        .await
        .expect("the server is there")
}

/// The next event that is not of the registration.
async fn disconnected(user_agent: &UserAgent) {
    loop {
        match soon(user_agent.next()).await {
            Some(UserAgentEvent::Disconnected { .. }) => return,
            Some(_) => {}
            None => panic!("the user agent runs"),
        }
    }
}

async fn tcp() -> (UserAgent, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = format!("tcp://{address}");
    let (user_agent, accepted) = tokio::join!(alice(&server), listener.accept());
    let (mut stream, _) = accepted.expect("a connection");
    let mut register = String::new();
    while !register.ends_with("\r\n\r\n") {
        let mut chunk = [0; 4096];
        let n = soon(stream.read(&mut chunk)).await.expect("a REGISTER");
        register.push_str(std::str::from_utf8(&chunk[..n]).expect("text"));
    }
    let answer = taken(&register);
    stream.write_all(answer.as_bytes()).await.expect("written");
    (user_agent, stream)
}

#[tokio::test]
async fn a_connection_is_pinged_as_often_as_the_server_wants() {
    let (user_agent, mut stream) = tcp().await;
    for _ in 0..3 {
        let mut ping = [0; 4];
        soon(stream.read_exact(&mut ping)).await.expect("a ping");
        assert_eq!(&ping, b"\r\n\r\n");
        stream.write_all(b"\r\n").await.expect("a pong");
    }
    assert!(user_agent.is_registered() && user_agent.is_connected());
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_closed() {
    let (user_agent, mut stream) = tcp().await;
    disconnected(&user_agent).await;
    // Nothing but pings came, and then the end.
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest)).await.expect("the end");
    assert!(rest.iter().all(|byte| b"\r\n".contains(byte)), "{rest:?}");
}

#[tokio::test]
async fn a_udp_server_is_asked_for_the_address_it_sees() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address: SocketAddr = socket.local_addr().expect("an address");
    let user_agent = alice(&format!("udp://{address}")).await;
    let mut buffer = [0; 4096];
    let (n, peer) = soon(socket.recv_from(&mut buffer))
        .await
        .expect("a REGISTER");
    let register = std::str::from_utf8(&buffer[..n]).expect("text").to_owned();
    let answer = taken(&register);
    socket.send_to(answer.as_bytes(), peer).await.expect("sent");
    for _ in 0..2 {
        let (n, from) = soon(socket.recv_from(&mut buffer))
            .await
            .expect("a datagram");
        assert_eq!(from, peer);
        assert_eq!(&buffer[..n.min(8)], b"\x00\x01\x00\x00\x21\x12\xa4\x42");
        let answer = offhook_core::stun::answer(&buffer[..n], peer).expect("an answer");
        socket.send_to(&answer, peer).await.expect("sent");
    }
    assert!(user_agent.is_registered());
}
