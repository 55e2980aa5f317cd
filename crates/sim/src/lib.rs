//! A virtual network and clock: SIP calls over loss, delay, reordering and cuts, from one seed
