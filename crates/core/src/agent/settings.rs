//! What an application may change, and look up, while the agent runs.

use offhook_sip::Uri;

use super::Agent;
use crate::auth::{Authorization, Secret};
use crate::config::{Config, ConfigError};
use crate::options::ExtraHeaders;

/// What is changed here counts for the requests that are made from now on; a registration that
/// stands is made anew by [`Agent::register`]. Each is checked as [`Config::validate`] does, and
/// what cannot work changes nothing.
impl Agent {
    /// Answers challenges with another secret, or with none.
    pub fn set_secret(&mut self, secret: Option<Secret>) {
        self.cx.config.secret = secret;
        self.cx.renew_auth();
    }

    /// Answers challenges under another user name:
    /// [`Config::authorization_user`](field@crate::Config::authorization_user).
    ///
    /// # Errors
    ///
    /// When it holds a line break.
    pub fn set_authorization_user(&mut self, user: Option<String>) -> Result<(), ConfigError> {
        self.reconfigure(&mut |config| config.authorization_user.clone_from(&user))?;
        self.cx.renew_auth();
        Ok(())
    }

    /// Bears another token, or none: [`Config::authorization`].
    ///
    /// # Errors
    ///
    /// When it is empty or holds a line break.
    pub fn set_authorization(
        &mut self,
        authorization: Option<Authorization>,
    ) -> Result<(), ConfigError> {
        self.reconfigure(&mut |config| config.authorization.clone_from(&authorization))
    }

    /// Goes by another display name: [`Config::display_name`].
    ///
    /// # Errors
    ///
    /// When it holds a line break.
    pub fn set_display_name(&mut self, name: Option<String>) -> Result<(), ConfigError> {
        self.reconfigure(&mut |config| config.display_name.clone_from(&name))
    }

    /// Adds other headers to every request and response: [`Config::extra_headers`].
    ///
    /// # Errors
    ///
    /// When one cannot be written, or is the engine's own.
    pub fn set_extra_headers(&mut self, headers: ExtraHeaders) -> Result<(), ConfigError> {
        self.reconfigure(&mut |config| config.extra_headers.clone_from(&headers))
    }

    /// Adds other headers to every REGISTER: [`Config::register_extra_headers`].
    ///
    /// # Errors
    ///
    /// When one cannot be written, or is the engine's own.
    pub fn set_register_extra_headers(&mut self, headers: ExtraHeaders) -> Result<(), ConfigError> {
        self.reconfigure(&mut |config| config.register_extra_headers.clone_from(&headers))
    }

    /// Adds other parameters to the Contact of every REGISTER: [`Config::register_contact_params`].
    ///
    /// # Errors
    ///
    /// When one cannot be written, or is the engine's own.
    pub fn set_register_contact_params(
        &mut self,
        params: Vec<(String, Option<String>)>,
    ) -> Result<(), ConfigError> {
        self.reconfigure(&mut |config| config.register_contact_params.clone_from(&params))
    }

    /// Ends the From tag of every REGISTER in another way: [`Config::register_from_tag_trail`].
    ///
    /// # Errors
    ///
    /// When it is no token.
    pub fn set_register_from_tag_trail(&mut self, trail: &str) -> Result<(), ConfigError> {
        self.reconfigure(&mut |config| trail.clone_into(&mut config.register_from_tag_trail))
    }

    /// Names the server behind the connection, for [`Config::preloaded_route`], where its URI does
    /// not follow from where the connection leads; none takes that back. `lr` is added where it is
    /// missing.
    pub fn set_route(&mut self, server: Option<Uri<'static>>) {
        self.cx.route = server;
    }

    /// The Contact URI of requests to the server, as it is now: a GRUU where the registrar gave one.
    /// With `hidden` the one that says nothing of whose it is, as in anonymous calls.
    pub fn contact(&self, hidden: bool) -> String {
        self.cx.contact_uri(self.cx.connection.server(), hidden)
    }

    /// The same on a request that begins a dialog, whose later ones shall come back over this
    /// connection (`;ob`, RFC 5626 section 4.3).
    pub fn outbound_contact(&self, hidden: bool) -> String {
        self.cx
            .outbound_contact_uri(self.cx.connection.server(), hidden)
    }

    fn reconfigure(&mut self, change: &mut dyn FnMut(&mut Config)) -> Result<(), ConfigError> {
        let mut config = self.cx.config.clone();
        change(&mut config);
        config.validate()?;
        self.cx.config = config;
        Ok(())
    }
}
