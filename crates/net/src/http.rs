//! Who comes to a WebSocket listener for a page gets one: plain HTTP/1.1, GET and HEAD, one request a
//! connection (RFC 9110, RFC 9112).

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use crate::connection::{FAREWELL_TIMEOUT, Wire};

/// How long the head of a request may be; a browser's is a tenth of it.
const LONGEST_HEAD: usize = 16 * 1024;
/// How many header lines it may have.
const MOST_HEADERS: usize = 64;
/// How much is read at once.
const CHUNK: usize = 2 * 1024;

/// What a WebSocket listener answers those who ask it for a page, and for no WebSocket. See
/// [`EndpointConfig::pages`](crate::EndpointConfig::pages).
pub trait Pages: fmt::Debug + Send + Sync {
    /// Answers a GET or HEAD request, at once: the listener's task waits for it.
    fn page(&self, request: &PageRequest<'_>) -> Page;
}

/// A GET or HEAD request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PageRequest<'a> {
    /// The request target as it came, query included: `/index.html?x=1`. Nothing is decoded.
    pub target: &'a str,
    /// The `Host` header: whom the client believes to talk to.
    pub host: Option<&'a str>,
}

impl<'a> PageRequest<'a> {
    /// A request for this target, at this host.
    pub fn new(target: &'a str, host: Option<&'a str>) -> Self {
        PageRequest { target, host }
    }
}

/// The answer to a [`PageRequest`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// The status code and its reason, as `200 OK`.
    pub status: &'static str,
    /// Header lines besides `Content-Length` and `Connection`. Values with line ends are left out.
    pub headers: Vec<(&'static str, String)>,
    /// The body. HEAD gets its length only.
    pub body: Bytes,
}

impl Page {
    /// A sentence as an answer.
    pub fn text(status: &'static str, words: impl Into<String>) -> Page {
        let kind = "text/plain; charset=utf-8".to_owned();
        Page {
            status,
            headers: vec![("Content-Type", kind)],
            body: Bytes::from(words.into()),
        }
    }

    fn write(&self, with_body: bool) -> BytesMut {
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        for (name, value) in &self.headers {
            if !value.contains(['\r', '\n', '\0']) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let length = self.body.len();
        head.push_str(&format!(
            "Content-Length: {length}\r\nConnection: close\r\n\r\n"
        ));
        let mut bytes = BytesMut::from(head.as_bytes());
        if with_body {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// What came of an accepted connection.
pub(crate) enum Visit {
    /// It asks for a WebSocket, or for what nobody here knows: what was read stands before the rest.
    WebSocket(Wire),
    /// It asked for a page, and has got an answer; a [`farewell`] is left.
    Served(Wire),
}

/// Reads the head of a request, and answers it unless it is for a WebSocket.
pub(crate) async fn receive(mut wire: Wire, pages: &dyn Pages) -> Result<Visit, String> {
    let head = read_head(&mut wire).await?;
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    // Whatever is no HTTP is refused by those who know the WebSocket handshake.
    let (page, with_body) = match request.parse(&head) {
        Ok(httparse::Status::Complete(_)) if !is_upgrade(&request) => respond(&request, pages),
        _ => return Ok(Visit::WebSocket(Box::new(Rewound { head, wire }))),
    };
    let written = wire.write_all(&page.write(with_body)).await;
    written.map_err(|error| error.to_string())?;
    Ok(Visit::Served(wire))
}

/// Ends a connection that has got its answer.
pub(crate) async fn farewell(mut wire: Wire) {
    // A socket that is dropped with something unread is reset, and the answer with it.
    let rest = async {
        let mut rest = [0; 1024];
        if wire.shutdown().await.is_ok() {
            while matches!(wire.read(&mut rest).await, Ok(n) if n > 0) {}
        }
    };
    let _ = timeout(FAREWELL_TIMEOUT, rest).await;
}

fn respond(request: &httparse::Request<'_, '_>, pages: &dyn Pages) -> (Page, bool) {
    let with_body = request.method != Some("HEAD");
    if !matches!(request.method, Some("GET" | "HEAD")) {
        let mut page = Page::text(
            "405 Method Not Allowed",
            "Only GET and HEAD are known here.\n",
        );
        page.headers.push(("Allow", "GET, HEAD".to_owned()));
        return (page, with_body);
    }
    let request = PageRequest::new(request.path.unwrap_or("/"), header(request, "host"));
    (pages.page(&request), with_body)
}

fn header<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> Option<&'a str> {
    let mut named = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name));
    std::str::from_utf8(named.next()?.value).ok()
}

fn is_upgrade(request: &httparse::Request<'_, '_>) -> bool {
    header(request, "upgrade").is_some_and(|value| {
        let mut protocols = value.split(',');
        protocols.any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
    })
}

/// Reads to the empty line that ends the head, or to a little beyond. What is too long is handed on
/// as it is.
async fn read_head(wire: &mut Wire) -> Result<Bytes, String> {
    let mut head = BytesMut::with_capacity(CHUNK);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.reserve(CHUNK);
        match wire.read_buf(&mut head).await {
            Ok(0) => return Err("it was closed before anything was asked for".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(head.freeze())
}

/// A connection that is read from its beginning once more.
struct Rewound {
    head: Bytes,
    wire: Wire,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.head.is_empty() {
            return Pin::new(&mut self.wire).poll_read(cx, buffer);
        }
        let count = self.head.len().min(buffer.remaining());
        buffer.put_slice(&self.head[..count]);
        self.head.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Sentence;

    impl Pages for Sentence {
        fn page(&self, request: &PageRequest<'_>) -> Page {
            let words = format!("{} at {:?}", request.target, request.host);
            let mut page = Page::text("200 OK", words);
            page.headers.push(("X-Bad", "a\r\nb".to_owned()));
            page
        }
    }

    /// What somebody who sends this gets; `None` where it goes on as a WebSocket.
    async fn ask(request: &[u8]) -> Result<Option<String>, String> {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(request).await.expect("it fits");
        let visit = receive(Box::new(server), &Sentence);
        let answer = async {
            client.shutdown().await.expect("its half");
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.expect("bytes");
            String::from_utf8(answer).expect("text")
        };
        let (visit, answer) = tokio::join!(
            async {
                match visit.await? {
                    Visit::Served(wire) => {
                        farewell(wire).await;
                        Ok(true)
                    }
                    Visit::WebSocket(mut wire) => {
                        let mut again = vec![0; request.len()];
                        wire.read_exact(&mut again).await.expect("all of it");
                        assert_eq!(again, request);
                        Ok::<_, String>(false)
                    }
                }
            },
            answer
        );
        Ok(visit?.then_some(answer))
    }

    #[tokio::test]
    async fn a_get_gets_the_page_and_the_connection_ends() {
        let answer = ask(b"GET /a?b HTTP/1.1\r\nHost: localhost:1\r\nAccept: */*\r\n\r\n").await;
        let expected = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 27\r\nConnection: close\r\n\r\n/a?b at Some(\"localhost:1\")";
        assert_eq!(answer, Ok(Some(expected.to_owned())));
    }

    #[tokio::test]
    async fn a_head_gets_the_length_only() {
        let answer = ask(b"HEAD / HTTP/1.0\r\n\r\n").await.expect("an answer");
        let answer = answer.expect("a page");
        assert!(answer.contains("Content-Length: 9\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn other_methods_are_told_what_there_is() {
        let answer = ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b").await;
        let answer = answer.expect("an answer").expect("a page");
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(answer.contains("Allow: GET, HEAD\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_websocket_is_handed_on_from_its_first_byte() {
        let upgrade: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c, WebSocket\r\n\r\n";
        for request in [upgrade, b"nonsense\r\n\r\n", &[0x16; LONGEST_HEAD + 5]] {
            assert_eq!(ask(request).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn a_head_that_ends_early_is_no_request() {
        assert!(ask(b"GET / HTTP/1.1\r\nHost: x\r\n").await.is_err());
    }
}
