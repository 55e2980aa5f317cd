//! How long it takes to read a message: Offhook beside rsipstack and rsip, on the same bytes.
//!
//! `spans`: taken apart, no header read. `typed`: taken apart, and Via, From, To, CSeq, Call-ID and
//! Contact read into their types. Each parser starts from the kind of buffer that it wants, made
//! before the clock starts.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use offhook_sip::{Limits, Message};

const MESSAGES: [(&str, &[u8]); 3] = [
    ("604", include_bytes!("../messages/a_rfc3665_invite.sip")),
    ("2544", include_bytes!("../messages/b_webrtc_invite.sip")),
    ("686", include_bytes!("../messages/c_200ok.sip")),
];

fn offhook(criterion: &mut Criterion) {
    let limits = Limits::default();
    for (size, message) in MESSAGES {
        let bytes = Bytes::from_static(message);
        // Received bytes are owned and counted, unlike static ones.
        let bytes = Bytes::from(bytes.to_vec());
        criterion.bench_function(&format!("offhook/spans/{size}"), |bencher| {
            bencher.iter(|| Message::parse(black_box(&bytes).clone(), &limits).expect("valid"));
        });
        criterion.bench_function(&format!("offhook/typed/{size}"), |bencher| {
            bencher.iter(|| {
                let message = Message::parse(black_box(&bytes).clone(), &limits).expect("valid");
                black_box(message.via().expect("valid"));
                black_box(message.from().expect("valid"));
                black_box(message.to().expect("valid"));
                black_box(message.cseq().expect("valid"));
                black_box(message.call_id().expect("valid"));
                black_box(message.contact().expect("valid"));
                message
            });
        });
    }
}

fn rsipstack_typed(criterion: &mut Criterion) {
    use rsipstack::sip::prelude::*;
    for (size, message) in MESSAGES {
        let bytes = Bytes::from(message.to_vec());
        criterion.bench_function(&format!("rsipstack/typed/{size}"), |bencher| {
            bencher.iter(|| {
                let message =
                    rsipstack::sip::SipMessage::try_from(black_box(&bytes).clone()).expect("valid");
                black_box(
                    message
                        .via_header()
                        .and_then(|via| via.typed())
                        .expect("valid"),
                );
                black_box(
                    message
                        .from_header()
                        .and_then(|from| from.typed())
                        .expect("valid"),
                );
                black_box(
                    message
                        .to_header()
                        .and_then(|to| to.typed())
                        .expect("valid"),
                );
                black_box(
                    message
                        .cseq_header()
                        .and_then(|cseq| cseq.typed())
                        .expect("valid"),
                );
                black_box(
                    message
                        .call_id_header()
                        .map(|id| id.value())
                        .expect("valid"),
                );
                black_box(
                    message
                        .contact_header()
                        .and_then(|c| c.typed())
                        .expect("valid"),
                );
                message
            });
        });
    }
}

fn rsip_typed(criterion: &mut Criterion) {
    use rsip::headers::ToTypedHeader;
    use rsip::message::HeadersExt;
    use rsip::prelude::UntypedHeader;
    for (size, message) in MESSAGES {
        criterion.bench_function(&format!("rsip/typed/{size}"), |bencher| {
            bencher.iter_batched(
                || message,
                |bytes| {
                    let message = rsip::SipMessage::try_from(black_box(bytes)).expect("valid");
                    black_box(
                        message
                            .via_header()
                            .and_then(|via| via.typed())
                            .expect("valid"),
                    );
                    black_box(
                        message
                            .from_header()
                            .and_then(|from| from.typed())
                            .expect("valid"),
                    );
                    black_box(
                        message
                            .to_header()
                            .and_then(|to| to.typed())
                            .expect("valid"),
                    );
                    black_box(
                        message
                            .cseq_header()
                            .and_then(|cseq| cseq.typed())
                            .expect("valid"),
                    );
                    black_box(
                        message
                            .call_id_header()
                            .map(|id| id.value())
                            .expect("valid"),
                    );
                    // rsip refuses the Contact of the 2544 bytes: its time is that of the attempt.
                    black_box(message.contact_header().expect("there").typed().is_ok());
                    message
                },
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group! {
    name = parse;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(60);
    targets = offhook, rsipstack_typed, rsip_typed
}
criterion_main!(parse);
