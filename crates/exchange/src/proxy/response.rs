//! Which of several answers goes back (RFC 3261, 16.7 steps 6 and 7).

use offhook_sip::{HeaderName, OutgoingResponse, StatusCode};

/// The final answer of one branch.
#[derive(Debug)]
pub(crate) enum Final {
    /// It was received, and stands here as it will go back.
    Received(Box<OutgoingResponse>),
    /// The proxy has to stand in for it.
    Own(StatusCode),
}

impl Final {
    fn status(&self) -> StatusCode {
        match self {
            Final::Received(response) => response.status(),
            Final::Own(status) => *status,
        }
    }

    /// The lower, the sooner it is chosen.
    fn rank(&self) -> (u16, u16) {
        let status = self.status();
        let within_class = match status.code() {
            // Those that say how the request can succeed.
            401 | 407 => 0,
            415 | 420 | 484 => 1,
            // Somebody is there.
            486 => 2,
            // Nobody is there, or nobody any more.
            480 => 4,
            408 => 5,
            430 => 6,
            487 => 7,
            // An overload of one server says nothing of the next one.
            503 => 8,
            _ => 3,
        };
        // Among the classes 6xx wins, then the lowest.
        let class = if status.class() == 6 {
            0
        } else {
            status.class()
        };
        (class, within_class)
    }
}

/// Chooses; without any answer, nobody is there. `cancelled` by the caller, it is no longer told that
/// nobody answered.
pub(crate) fn best(finals: Vec<Final>, cancelled: bool) -> Final {
    let chosen = (0..finals.len()).min_by_key(|&at| finals[at].rank());
    let Some(chosen) = chosen else {
        return Final::Own(if cancelled {
            StatusCode::REQUEST_TERMINATED
        } else {
            StatusCode::TEMPORARILY_UNAVAILABLE
        });
    };
    let mut challenges = Vec::new();
    let mut answer = Final::Own(StatusCode::TEMPORARILY_UNAVAILABLE);
    for (at, candidate) in finals.into_iter().enumerate() {
        if at == chosen {
            answer = candidate;
        } else if let Final::Received(response) = candidate {
            for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
                for challenge in response.headers().get_all(name) {
                    challenges.push((name, challenge.to_owned()));
                }
            }
        }
    }
    match answer {
        Final::Own(StatusCode::REQUEST_TIMEOUT) if cancelled => {
            Final::Own(StatusCode::REQUEST_TERMINATED)
        }
        // That is said between proxies; to the caller, the callee is away (RFC 5626, 5.3.1).
        Final::Own(StatusCode::FLOW_FAILED) => Final::Own(StatusCode::TEMPORARILY_UNAVAILABLE),
        // The next request may fare better than this one (RFC 3261, 16.7 step 6).
        ref answer if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
            Final::Own(StatusCode::SERVER_INTERNAL_ERROR)
        }
        Final::Received(mut response) if is_challenge(response.status()) => {
            for (name, challenge) in challenges {
                // What was received can be written.
                let _ = response.headers_mut().push(name, challenge);
            }
            Final::Received(response)
        }
        answer => answer,
    }
}

fn is_challenge(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(code: u16) -> Final {
        let status = StatusCode::new(code).unwrap();
        Final::Received(Box::new(OutgoingResponse::new(status)))
    }

    fn chosen(codes: &[u16]) -> u16 {
        let finals = codes.iter().map(|&code| received(code)).collect();
        best(finals, false).status().code()
    }

    #[test]
    fn the_answer_that_says_most_goes_back() {
        for (codes, code) in [
            (&[480, 486][..], 486),
            (&[486, 603], 603),
            (&[500, 404], 404),
            (&[302, 404], 302),
            (&[404, 401], 401),
            (&[487, 480], 480),
            (&[408, 430], 408),
            (&[503, 500], 500),
            (&[503], 500),
            (&[], 480),
        ] {
            assert_eq!(chosen(codes), code, "{codes:?}");
        }
    }

    #[test]
    fn all_challenges_go_back_together() {
        let challenge = |code: u16, name, realm: &str| {
            let mut response = OutgoingResponse::new(StatusCode::new(code).unwrap());
            response.headers_mut().push(name, realm).unwrap();
            Final::Received(Box::new(response))
        };
        let finals = vec![
            challenge(401, HeaderName::WwwAuthenticate, "Digest realm=\"a\""),
            challenge(407, HeaderName::ProxyAuthenticate, "Digest realm=\"b\""),
        ];
        let Final::Received(response) = best(finals, false) else {
            panic!("one of them goes back");
        };
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            response.headers().get(HeaderName::ProxyAuthenticate),
            Some("Digest realm=\"b\"")
        );
    }
}
