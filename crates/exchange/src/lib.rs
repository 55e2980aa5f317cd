//! An embedded SIP registrar and forking proxy for one machine
