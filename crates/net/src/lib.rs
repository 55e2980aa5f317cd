//! SIP transports on tokio: UDP, TCP, TLS, WebSocket, as flows of messages
