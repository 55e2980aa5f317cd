//! How a state is taken apart.

/// Takes what one of the patterns names out of a session's state, which is then
/// `Closed` until the next one is set. In any other state nothing is taken,
/// and the state stays as it is.
macro_rules! take_state {
    ($session:expr, $($state:pat => $taken:expr),+ $(,)?) => {
        match std::mem::replace(&mut $session.state, $crate::session::State::Closed) {
            $($state => Some($taken),)+
            other => {
                $session.state = other;
                None
            }
        }
    };
}
