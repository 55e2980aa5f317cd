//! A WebSocket connection: one SIP message a WebSocket message (RFC 7118).

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use offhook_sip::Limits;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::connection::{Command, FAREWELL_TIMEOUT, Inlet, Link, Silence, Silent, WRITE_TIMEOUT};
use crate::error::{LostReason, NetError};
use offhook_core::Destination;

/// The subprotocol of SIP (RFC 7118, 4).
const SUBPROTOCOL: &str = "sip";

const PING: &[u8] = b"\r\n\r\n";
const PONG: &str = "\r\n";

fn settings(limits: &Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        // Each message is written at once.
        .write_buffer_size(0)
        .max_message_size(Some(limits.message_size()))
        .max_frame_size(Some(limits.message_size()))
}

/// Makes a WebSocket of a connection to a server.
pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    destination: &Destination,
    limits: &Limits,
) -> Result<WebSocketStream<S>, NetError> {
    let url = destination.to_string();
    let uri: Uri = url.parse().map_err(|_| NetError::InvalidUrl {
        url: url.clone(),
        reason: "its path contains what no URL may contain".to_owned(),
    })?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
    tokio_tungstenite::client_async_with_config(request, stream, Some(settings(limits)))
        .await
        .map(|(websocket, _)| websocket)
        .map_err(|error| NetError::NotSip {
            destination: url,
            kind: "WebSocket",
            reason: refusal(error),
        })
}

/// Says what a server did instead of a SIP WebSocket handshake.
fn refusal(error: Error) -> String {
    match error {
        Error::Http(response) => {
            let hint = match response.status() {
                StatusCode::NOT_FOUND => "; check the path of the URL",
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; it wants another login",
                status if status.is_redirection() => "; it points elsewhere",
                _ => "",
            };
            format!("it answered HTTP {}{hint}", response.status())
        }
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(error)) => match error {
            SubProtocolError::NoSubProtocol => {
                "it speaks WebSocket, but not the subprotocol \"sip\"".to_owned()
            }
            _ => "it chose a WebSocket subprotocol other than \"sip\"".to_owned(),
        },
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            "it closed the connection during the WebSocket handshake".to_owned()
        }
        Error::Protocol(ProtocolError::HttparseError(_)) => "it does not speak HTTP".to_owned(),
        Error::Io(error) => format!("the connection broke during the WebSocket handshake: {error}"),
        other => format!("the WebSocket handshake failed: {other}"),
    }
}

/// Makes a WebSocket of an accepted connection. Who does not ask for the subprotocol `sip`, or for
/// a WebSocket at all, is told so by an HTTP response.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    limits: &Limits,
) -> Result<WebSocketStream<S>, String> {
    // The library reports a request that is no WebSocket handshake without answering it, and has
    // swallowed the stream by then: so it is lent one.
    match accept_lent(&mut stream, limits).await {
        Ok(tail) => Ok(WebSocketStream::from_partially_read(
            stream,
            tail,
            tokio_tungstenite::tungstenite::protocol::Role::Server,
            Some(settings(limits)),
        )
        .await),
        Err(Error::Http(response)) => Err(format!("refused with HTTP {}", response.status())),
        Err(error @ Error::Io(_)) => Err(error.to_string()),
        Err(error) => {
            let _ = stream.write_all(NOT_A_WEBSOCKET).await;
            let _ = stream.shutdown().await;
            Err(error.to_string())
        }
    }
}

const NOT_A_WEBSOCKET: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Upgrade: websocket\r\n\
    Connection: close\r\n\
    Content-Type: text/plain\r\n\
    \r\n\
    This is a SIP server: connect by WebSocket, with the subprotocol \"sip\".\r\n";

async fn accept_lent<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    // The library refuses requests with anything behind them, so nothing has been read beyond.
    accept_hdr_async_with_config(stream, choose_subprotocol, Some(settings(limits)))
        .await
        .map(|_| Vec::new())
}

#[expect(
    clippy::result_large_err,
    reason = "the type is the library's, and made once a connection"
)]
fn choose_subprotocol(
    request: &Request,
    mut response: Response,
) -> Result<Response, ErrorResponse> {
    if offers_sip(request.headers()) {
        response.headers_mut().insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL),
        );
        return Ok(response);
    }
    let words = "This is a SIP server: offer the WebSocket subprotocol \"sip\".\r\n";
    let mut refusal = ErrorResponse::new(Some(words.to_owned()));
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    let headers = refusal.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(words.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Err(refusal)
}

fn offers_sip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim().eq_ignore_ascii_case(SUBPROTOCOL))
}

/// Serves the connection until it ends.
pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    websocket: WebSocketStream<S>,
    mut link: Link,
) {
    let (mut sink, mut stream) = websocket.split();
    let reason = tokio::select! {
        reason = read(&mut stream, &link.inlet) => reason,
        reason = write(&mut sink, &mut link.commands, &link.inlet) => reason,
    };
    let close = match &reason {
        None => CloseCode::Normal,
        Some(LostReason::TooLarge { .. }) => CloseCode::Size,
        Some(LostReason::Garbage(_)) => CloseCode::Protocol,
        Some(LostReason::Idle(_) | LostReason::Stalled(_)) => CloseCode::Away,
        Some(_) => CloseCode::Normal,
    };
    link.ended(reason).await;
    let farewell = async {
        let frame = CloseFrame {
            code: close,
            reason: Utf8Bytes::from_static(""),
        };
        if sink.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    let _ = timeout(FAREWELL_TIMEOUT, farewell).await;
}

/// Reads until the connection ends; `None` when nobody takes the events any more.
async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    inlet: &Inlet,
) -> Option<LostReason> {
    let cells = &inlet.shared.cells;
    let mut silence = Silence::new(inlet.shared.config.idle_timeout, true);
    loop {
        let item = tokio::select! {
            item = stream.next() => item,
            silent = silence.wait() => match silent {
                Silent::Ping => {
                    inlet.write(Command::Ping);
                    continue;
                }
                Silent::GiveUp(limit) => return Some(LostReason::Idle(limit)),
            },
        };
        let message = match item {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Some(unreadable(inlet, error)),
            None => return Some(LostReason::ClosedByPeer),
        };
        silence.broken();
        let delivered = match message {
            Message::Text(text) => payload(Bytes::from(text), inlet).await,
            Message::Binary(bytes) => payload(bytes, inlet).await,
            Message::Ping(_) => {
                // The library answers, with what is read or written next.
                cells.pings.add_one();
                Ok(())
            }
            Message::Pong(_) => inlet.pong().await,
            Message::Close(frame) => return Some(closed(frame)),
            Message::Frame(_) => Ok(()),
        };
        if delivered.is_err() {
            return None;
        }
    }
}

async fn payload(bytes: Bytes, inlet: &Inlet) -> Result<(), crate::connection::Deserted> {
    if bytes.as_ref() == PING {
        inlet.shared.cells.pings.add_one();
        inlet.write(Command::Pong);
        Ok(())
    } else if bytes.as_ref() == PONG.as_bytes() {
        inlet.pong().await
    } else if bytes.is_empty() {
        Ok(())
    } else {
        inlet.received(bytes).await
    }
}

fn closed(frame: Option<CloseFrame>) -> LostReason {
    match frame {
        Some(frame) => LostReason::WebSocketClosed {
            code: frame.code.into(),
            reason: frame.reason.to_string(),
        },
        None => LostReason::ClosedByPeer,
    }
}

fn unreadable(inlet: &Inlet, error: Error) -> LostReason {
    let cells = &inlet.shared.cells;
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => LostReason::ClosedByPeer,
        Error::Io(error) => LostReason::Broken(error.to_string()),
        Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            cells.dropped_too_large.add_one();
            LostReason::TooLarge { limit: max_size }
        }
        error => {
            cells.dropped_garbage.add_one();
            LostReason::Garbage(error.to_string())
        }
    }
}

/// Writes until the connection ends; `None` when its user closed it.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    commands: &mut mpsc::Receiver<Command>,
    inlet: &Inlet,
) -> Option<LostReason> {
    loop {
        let command = commands.recv().await?;
        let is_message = matches!(command, Command::Send(_));
        let message = match command {
            Command::Send(bytes) => match Utf8Bytes::try_from(bytes.clone()) {
                Ok(text) => Message::Text(text),
                Err(_) => Message::Binary(bytes),
            },
            Command::Ping => Message::Ping(Bytes::new()),
            Command::Pong => Message::Text(Utf8Bytes::from_static(PONG)),
        };
        match timeout(WRITE_TIMEOUT, sink.send(message)).await {
            Ok(Ok(())) if is_message => inlet.shared.cells.sent.add_one(),
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Some(unreadable(inlet, error)),
            Err(_) => return Some(LostReason::Stalled(WRITE_TIMEOUT)),
        }
    }
}
