//! The cryptography under the engine, with an eye on what DTLS agrees on: the engine does not
//! tell the SRTP profile, which statistics owe.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
};
use str0m::crypto::{CryptoError, from_feature_flags};

/// The profile that DTLS agreed on, once it has.
pub(super) type AgreedProfile = Arc<OnceLock<SrtpProfile>>;

/// The cryptography itself.
pub(super) fn plain() -> &'static CryptoProvider {
    static CRYPTO: OnceLock<CryptoProvider> = OnceLock::new();
    CRYPTO.get_or_init(from_feature_flags)
}

/// The same, with every DTLS connection watched.
pub(super) fn watched() -> Arc<CryptoProvider> {
    static CRYPTO: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || {
        let watched = CryptoProvider {
            dtls_provider: &Watching,
            ..plain().clone()
        };
        Arc::new(watched)
    };
    CRYPTO.get_or_init(make).clone()
}

thread_local! {
    /// Where the DTLS connection made last on this thread will note its profile: the engine
    /// makes it somewhere inside, and gives no hold of it.
    static LAST_MADE: RefCell<Option<AgreedProfile>> = const { RefCell::new(None) };
}

/// Makes something that makes a DTLS connection, and gives the place of its profile too.
pub(super) fn watch<T>(make: impl FnOnce() -> T) -> (T, AgreedProfile) {
    LAST_MADE.with_borrow_mut(|last| *last = None);
    let made = make();
    let profile = LAST_MADE.with_borrow_mut(Option::take).unwrap_or_default();
    (made, profile)
}

/// The profile's name in the registry of IANA.
pub(super) fn name(profile: SrtpProfile) -> Option<&'static str> {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Some("SRTP_AES128_CM_HMAC_SHA1_80"),
        SrtpProfile::AEAD_AES_128_GCM => Some("SRTP_AEAD_AES_128_GCM"),
        SrtpProfile::AEAD_AES_256_GCM => Some("SRTP_AEAD_AES_256_GCM"),
        _ => None,
    }
}

#[derive(Debug)]
struct Watching;

impl DtlsProvider for Watching {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        plain().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let dtls = plain()
            .dtls_provider
            .new_dtls(certificate, now, version, mtu)?;
        let profile = AgreedProfile::default();
        LAST_MADE.with_borrow_mut(|last| *last = Some(profile.clone()));
        Ok(Box::new(Watched { dtls, profile }))
    }
}

#[derive(Debug)]
struct Watched {
    dtls: Box<dyn DtlsInstance>,
    profile: AgreedProfile,
}

impl DtlsInstance for Watched {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.dtls.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(_, profile) = &output {
            // Keys are made once a connection.
            let _ = self.profile.set(*profile);
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}
