//! The SIP session engine without sockets, clocks or tasks: transactions, dialogs, registration, sessions
