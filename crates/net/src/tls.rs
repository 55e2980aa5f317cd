//! Whom to trust and what to show in TLS.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use crate::error::NetError;
use offhook_core::Destination;

/// Whom to trust, and what to show, in TLS.
///
/// By default a server must show a certificate that the operating system trusts and that is made
/// out for the name in the destination; nothing is shown ourselves, so that TLS and WSS cannot be
/// listened for.
#[derive(Clone, Default)]
pub struct TlsConfig {
    roots: Vec<CertificateDer<'static>>,
    identity: Option<Arc<Identity>>,
    insecure: bool,
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl TlsConfig {
    /// Trusts these authorities, too: one or more certificates in PEM.
    ///
    /// # Errors
    ///
    /// [`NetError::InvalidCertificate`] when there is none in it, or one is damaged.
    pub fn with_root_pem(mut self, pem: &[u8]) -> Result<TlsConfig, NetError> {
        self.roots.extend(certificates(pem, "root certificate")?);
        Ok(self)
    }

    /// Shows this certificate to those who connect: the server's own first, then those between it
    /// and an authority, and the private key (PKCS #8, SEC1 or PKCS #1), all in PEM.
    ///
    /// # Errors
    ///
    /// [`NetError::InvalidCertificate`] when one is missing, damaged, or the key is of another
    /// certificate.
    pub fn with_identity_pem(mut self, chain: &[u8], key: &[u8]) -> Result<TlsConfig, NetError> {
        let identity = Identity {
            chain: certificates(chain, "certificate")?,
            key: PrivateKeyDer::from_pem_slice(key).map_err(|error| {
                NetError::InvalidCertificate {
                    what: "private key",
                    reason: error.to_string(),
                }
            })?,
        };
        identity.server_config()?;
        self.identity = Some(Arc::new(identity));
        Ok(self)
    }

    /// Trusts every certificate, even one made out for another name.
    ///
    /// Anybody on the way can then read and change everything. For tests only.
    #[must_use]
    pub fn with_insecure(mut self) -> TlsConfig {
        self.insecure = true;
        self
    }

    /// What a client needs. It may read the system's authorities from disk.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous();
        let verifier: Arc<dyn ServerCertVerifier> = if self.insecure {
            Arc::new(TrustAll(provider))
        } else {
            Arc::new(Verifier::new_with_extra_roots(
                self.roots.iter().cloned(),
                provider,
            )?)
        };
        Ok(builder
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth())
    }

    /// What a server needs; `None` without a certificate.
    pub(crate) fn server_config(&self) -> Option<Result<Arc<ServerConfig>, NetError>> {
        self.identity
            .as_ref()
            .map(|identity| identity.server_config())
    }
}

impl Identity {
    fn server_config(&self) -> Result<Arc<ServerConfig>, NetError> {
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(self.chain.clone(), self.key.clone_key())
            })
            .map(Arc::new)
            .map_err(|error| NetError::InvalidCertificate {
                what: "certificate",
                reason: error.to_string(),
            })
    }
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig")
            .field("roots", &self.roots.len())
            .field("identity", &self.identity.is_some())
            .field("insecure", &self.insecure)
            .finish()
    }
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let invalid = |reason: String| NetError::InvalidCertificate { what, reason };
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(error.to_string()))?;
    if found.is_empty() {
        return Err(invalid(
            "there is no \"-----BEGIN CERTIFICATE-----\" in it".to_owned(),
        ));
    }
    Ok(found)
}

/// The name to ask for, and to check the certificate against.
pub(crate) fn server_name(destination: &Destination) -> Result<ServerName<'static>, NetError> {
    ServerName::try_from(destination.host.clone()).map_err(|_| NetError::Tls {
        destination: destination.to_string(),
        reason: format!("\"{}\" is no name for a server", destination.host),
    })
}

/// Says what a failed handshake means.
pub(crate) fn explain(destination: &Destination, error: &io::Error) -> NetError {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(error) => explain_tls(destination, error),
        None => NetError::Tls {
            destination: destination.to_string(),
            reason: match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    "the server closed the connection during the handshake".to_owned()
                }
                _ => error.to_string(),
            },
        },
    }
}

pub(crate) fn explain_tls(destination: &Destination, error: &rustls::Error) -> NetError {
    let untrusted = |reason: String, advice: &str| NetError::CertificateNotTrusted {
        destination: destination.to_string(),
        reason,
        advice: advice.to_owned(),
    };
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => untrusted(
                "no authority that this system knows has signed it".to_owned(),
                "add the authority's root certificate to the system or to the trusted roots given",
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => untrusted(
                "it has expired".to_owned(),
                "renew it on the server, or set this machine's clock",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                untrusted(
                    "it is not valid yet".to_owned(),
                    "set this machine's clock, or the server's certificate",
                )
            }
            CertificateError::NotValidForName => untrusted(
                format!("it is not made out for \"{}\"", destination.host.as_str()),
                "use a name that the certificate contains",
            ),
            CertificateError::NotValidForNameContext { presented, .. } => untrusted(
                format!(
                    "it is made out for {}, not for \"{}\"",
                    if presented.is_empty() {
                        "no name".to_owned()
                    } else {
                        presented.join(", ")
                    },
                    destination.host.as_str()
                ),
                "use a name that the certificate contains",
            ),
            CertificateError::BadSignature => untrusted(
                "the authority that it names has not signed it".to_owned(),
                "do not use this server: somebody may stand between it and us",
            ),
            CertificateError::Revoked => untrusted(
                "it has been revoked".to_owned(),
                "do not use this server until it has a new one",
            ),
            // The verifier has no name of its own for this one, only these words.
            CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
                untrusted(
                    "it is the certificate of an authority, which is none for a server".to_owned(),
                    "make one for the server with basicConstraints CA:FALSE, even when it signs \
                     itself",
                )
            }
            other => untrusted(format!("{other}"), "repair the certificate on the server"),
        },
        rustls::Error::InvalidMessage(_) => NetError::Tls {
            destination: destination.to_string(),
            reason: "the server does not speak TLS; use the port for TLS, or the transport without"
                .to_owned(),
        },
        other => NetError::Tls {
            destination: destination.to_string(),
            reason: other.to_string(),
        },
    }
}

/// Trusts every certificate, and still demands that its owner is there.
#[derive(Debug)]
struct TrustAll(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
