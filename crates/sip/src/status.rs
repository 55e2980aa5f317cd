//! Response status codes.

use std::fmt;

/// A response's status code, 100 to 699 (RFC 3261 sections 7.2 and 21).
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct StatusCode(u16);

macro_rules! statuses {
    ($($name:ident $code:literal $phrase:literal $source:literal,)*) => {
        impl StatusCode {
            $(
                #[doc = concat!("`", stringify!($code), " ", $phrase, "` (", $source, ").")]
                pub const $name: StatusCode = StatusCode($code);
            )*

        }

        /// The registered codes in their order, each with its phrase.
        const REGISTERED: &[(u16, &str)] = &[$(($code, $phrase),)*];
    };
}

statuses! {
    TRYING 100 "Trying" "RFC 3261",
    RINGING 180 "Ringing" "RFC 3261",
    CALL_IS_BEING_FORWARDED 181 "Call Is Being Forwarded" "RFC 3261",
    QUEUED 182 "Queued" "RFC 3261",
    SESSION_PROGRESS 183 "Session Progress" "RFC 3261",
    EARLY_DIALOG_TERMINATED 199 "Early Dialog Terminated" "RFC 6228",
    OK 200 "OK" "RFC 3261",
    ACCEPTED 202 "Accepted" "RFC 6665",
    NO_NOTIFICATION 204 "No Notification" "RFC 5839",
    MULTIPLE_CHOICES 300 "Multiple Choices" "RFC 3261",
    MOVED_PERMANENTLY 301 "Moved Permanently" "RFC 3261",
    MOVED_TEMPORARILY 302 "Moved Temporarily" "RFC 3261",
    USE_PROXY 305 "Use Proxy" "RFC 3261",
    ALTERNATIVE_SERVICE 380 "Alternative Service" "RFC 3261",
    BAD_REQUEST 400 "Bad Request" "RFC 3261",
    UNAUTHORIZED 401 "Unauthorized" "RFC 3261",
    PAYMENT_REQUIRED 402 "Payment Required" "RFC 3261",
    FORBIDDEN 403 "Forbidden" "RFC 3261",
    NOT_FOUND 404 "Not Found" "RFC 3261",
    METHOD_NOT_ALLOWED 405 "Method Not Allowed" "RFC 3261",
    NOT_ACCEPTABLE 406 "Not Acceptable" "RFC 3261",
    PROXY_AUTHENTICATION_REQUIRED 407 "Proxy Authentication Required" "RFC 3261",
    REQUEST_TIMEOUT 408 "Request Timeout" "RFC 3261",
    GONE 410 "Gone" "RFC 3261",
    CONDITIONAL_REQUEST_FAILED 412 "Conditional Request Failed" "RFC 3903",
    REQUEST_ENTITY_TOO_LARGE 413 "Request Entity Too Large" "RFC 3261",
    REQUEST_URI_TOO_LONG 414 "Request-URI Too Long" "RFC 3261",
    UNSUPPORTED_MEDIA_TYPE 415 "Unsupported Media Type" "RFC 3261",
    UNSUPPORTED_URI_SCHEME 416 "Unsupported URI Scheme" "RFC 3261",
    UNKNOWN_RESOURCE_PRIORITY 417 "Unknown Resource-Priority" "RFC 4412",
    BAD_EXTENSION 420 "Bad Extension" "RFC 3261",
    EXTENSION_REQUIRED 421 "Extension Required" "RFC 3261",
    SESSION_INTERVAL_TOO_SMALL 422 "Session Interval Too Small" "RFC 4028",
    INTERVAL_TOO_BRIEF 423 "Interval Too Brief" "RFC 3261",
    BAD_LOCATION_INFORMATION 424 "Bad Location Information" "RFC 6442",
    BAD_ALERT_MESSAGE 425 "Bad Alert Message" "RFC 8876",
    USE_IDENTITY_HEADER 428 "Use Identity Header" "RFC 8224",
    PROVIDE_REFERRER_IDENTITY 429 "Provide Referrer Identity" "RFC 3892",
    FLOW_FAILED 430 "Flow Failed" "RFC 5626",
    ANONYMITY_DISALLOWED 433 "Anonymity Disallowed" "RFC 5079",
    BAD_IDENTITY_INFO 436 "Bad Identity-Info" "RFC 8224",
    UNSUPPORTED_CREDENTIAL 437 "Unsupported Credential" "RFC 8224",
    INVALID_IDENTITY_HEADER 438 "Invalid Identity Header" "RFC 8224",
    FIRST_HOP_LACKS_OUTBOUND_SUPPORT 439 "First Hop Lacks Outbound Support" "RFC 5626",
    MAX_BREADTH_EXCEEDED 440 "Max-Breadth Exceeded" "RFC 5393",
    BAD_INFO_PACKAGE 469 "Bad Info Package" "RFC 6086",
    CONSENT_NEEDED 470 "Consent Needed" "RFC 5360",
    TEMPORARILY_UNAVAILABLE 480 "Temporarily Unavailable" "RFC 3261",
    CALL_DOES_NOT_EXIST 481 "Call/Transaction Does Not Exist" "RFC 3261",
    LOOP_DETECTED 482 "Loop Detected" "RFC 3261",
    TOO_MANY_HOPS 483 "Too Many Hops" "RFC 3261",
    ADDRESS_INCOMPLETE 484 "Address Incomplete" "RFC 3261",
    AMBIGUOUS 485 "Ambiguous" "RFC 3261",
    BUSY_HERE 486 "Busy Here" "RFC 3261",
    REQUEST_TERMINATED 487 "Request Terminated" "RFC 3261",
    NOT_ACCEPTABLE_HERE 488 "Not Acceptable Here" "RFC 3261",
    BAD_EVENT 489 "Bad Event" "RFC 6665",
    REQUEST_PENDING 491 "Request Pending" "RFC 3261",
    UNDECIPHERABLE 493 "Undecipherable" "RFC 3261",
    SECURITY_AGREEMENT_REQUIRED 494 "Security Agreement Required" "RFC 3329",
    SERVER_INTERNAL_ERROR 500 "Server Internal Error" "RFC 3261",
    NOT_IMPLEMENTED 501 "Not Implemented" "RFC 3261",
    BAD_GATEWAY 502 "Bad Gateway" "RFC 3261",
    SERVICE_UNAVAILABLE 503 "Service Unavailable" "RFC 3261",
    SERVER_TIMEOUT 504 "Server Time-out" "RFC 3261",
    VERSION_NOT_SUPPORTED 505 "Version Not Supported" "RFC 3261",
    MESSAGE_TOO_LARGE 513 "Message Too Large" "RFC 3261",
    PUSH_NOTIFICATION_SERVICE_NOT_SUPPORTED 555 "Push Notification Service Not Supported" "RFC 8599",
    PRECONDITION_FAILURE 580 "Precondition Failure" "RFC 3312",
    BUSY_EVERYWHERE 600 "Busy Everywhere" "RFC 3261",
    DECLINE 603 "Decline" "RFC 3261",
    DOES_NOT_EXIST_ANYWHERE 604 "Does Not Exist Anywhere" "RFC 3261",
    GLOBALLY_NOT_ACCEPTABLE 606 "Not Acceptable" "RFC 3261",
    UNWANTED 607 "Unwanted" "RFC 8197",
    REJECTED 608 "Rejected" "RFC 8688",
}

impl StatusCode {
    /// The status code `code`, when it is one: 100 to 699.
    pub const fn new(code: u16) -> Option<StatusCode> {
        if code >= 100 && code <= 699 {
            Some(StatusCode(code))
        } else {
            None
        }
    }

    /// The number.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// The first digit, 1 to 6.
    pub const fn class(self) -> u16 {
        self.0 / 100
    }

    /// The phrase that the code is registered with; for a code that is not registered, the phrase
    /// of its class's first code, as RFC 3261 section 8.1.3.2 reads it.
    pub fn reason(self) -> &'static str {
        match REGISTERED.binary_search_by_key(&self.0, |(code, _)| *code) {
            Ok(at) => REGISTERED[at].1,
            Err(_) => match self.class() {
                1 => "Session Progress",
                2 => "OK",
                3 => "Multiple Choices",
                4 => "Bad Request",
                5 => "Server Internal Error",
                _ => "Busy Everywhere",
            },
        }
    }

    /// 1xx: the request goes on.
    pub const fn is_provisional(self) -> bool {
        self.class() == 1
    }

    /// 2xx: the request is done.
    pub const fn is_success(self) -> bool {
        self.class() == 2
    }

    /// 3xx: try elsewhere.
    pub const fn is_redirection(self) -> bool {
        self.class() == 3
    }

    /// 4xx: this request will not do at this server.
    pub const fn is_client_error(self) -> bool {
        self.class() == 4
    }

    /// 5xx: the server failed.
    pub const fn is_server_error(self) -> bool {
        self.class() == 5
    }

    /// 6xx: no server will do it.
    pub const fn is_global_failure(self) -> bool {
        self.class() == 6
    }

    /// 2xx to 6xx: the last word on a request.
    pub const fn is_final(self) -> bool {
        self.class() >= 2
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_outside_100_to_699_are_none() {
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(700), None);
        assert_eq!(StatusCode::new(486), Some(StatusCode::BUSY_HERE));
    }

    #[test]
    fn registered_codes_are_found_by_their_order() {
        assert!(REGISTERED.is_sorted_by_key(|(code, _)| *code));
        assert_eq!(StatusCode::TRYING.reason(), "Trying");
        assert_eq!(StatusCode::REJECTED.reason(), "Rejected");
    }

    #[test]
    fn an_unregistered_code_reads_as_its_class() {
        let code = StatusCode::new(499).expect("in range");
        assert_eq!(code.reason(), "Bad Request");
        assert!(code.is_client_error() && code.is_final() && !code.is_provisional());
        assert_eq!(
            StatusCode::GLOBALLY_NOT_ACCEPTABLE.reason(),
            "Not Acceptable"
        );
    }
}
