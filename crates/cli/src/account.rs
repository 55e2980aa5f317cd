//! From arguments to a user agent.

use offhook::{
    AudioCodec, IceServer, MediaOptions, NetError, Source, TlsConfig, UserAgent, UserAgentBuilder,
    VideoSource,
};

use crate::args::{AccountArgs, MediaArgs};
use crate::exit::{Code, Failure};
use crate::output::Output;

const PASSWORD: &str = "OFFHOOK_PASSWORD";

/// A user agent as the arguments describe it, not started yet.
pub(crate) fn user_agent(
    address: &str,
    account: &AccountArgs,
    media: &MediaArgs,
    verbose: u8,
    output: &Output,
) -> Result<UserAgentBuilder, Failure> {
    let mut builder = UserAgent::builder(address)
        .media(media_options(media))
        .tls(tls(account)?);
    if let Some(server) = &account.server {
        builder = builder.server(server);
    }
    if let Some(password) = account
        .password
        .clone()
        .or_else(|| std::env::var(PASSWORD).ok())
    {
        builder = builder.password(password);
    }
    if let Some(user) = &account.auth_user {
        builder = builder.authorization_user(user);
    }
    for listen in &account.listen {
        builder = builder.listen(listen.transport, listen.address);
    }
    if verbose > 0 {
        let output = output.clone();
        builder = builder.on_message(move |message| output.wire("", &message));
    }
    Ok(builder)
}

fn media_options(media: &MediaArgs) -> MediaOptions {
    let mut options = MediaOptions {
        loopback: media.loopback,
        relay_only: media.relay_only,
        ..MediaOptions::default()
    };
    if !media.codec.is_empty() {
        options.codecs = media.codec.iter().copied().map(AudioCodec::from).collect();
    }
    if !media.ice_server.is_empty() {
        options.ice_servers.push(IceServer {
            urls: media.ice_server.clone(),
            username: media.ice_user.clone(),
            credential: media.ice_password.clone(),
        });
    }
    options
}

fn tls(account: &AccountArgs) -> Result<TlsConfig, Failure> {
    let mut tls = TlsConfig::default();
    if let Some(path) = &account.ca {
        let wrong = |problem: String| {
            let message = format!("--ca {} cannot be used: {problem}", path.display());
            Failure::new(
                Code::Usage,
                message,
                "Give a file with certificates in PEM form.",
            )
        };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        tls = tls
            .with_root_pem(&pem)
            .map_err(|error: NetError| wrong(error.to_string()))?;
    }
    Ok(match account.insecure {
        true => tls.with_insecure(),
        false => tls,
    })
}

/// What to play: opened now, so that a file that is none is told before anybody is called.
pub(crate) fn source(media: &MediaArgs) -> Result<Option<Source>, Failure> {
    Ok(media.play.as_ref().map(Source::wav).transpose()?)
}

/// What video to play, opened now like the sound.
pub(crate) fn video_source(media: &MediaArgs) -> Result<Option<VideoSource>, Failure> {
    let source = media
        .play_video
        .as_ref()
        .map(VideoSource::ivf)
        .transpose()?;
    Ok(source.map(|source| source.repeat(media.repeat_video)))
}
