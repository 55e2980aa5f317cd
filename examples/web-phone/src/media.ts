// The microphone and the camera, and what to say when there is none.

/** What is wrong, in words for the person in front of the page. */
export class MediaProblem extends Error {
  override name = 'MediaProblem';
}

/** Asks for the microphone, and for the camera as well if `video`. */
export async function capture(video: boolean): Promise<MediaStream> {
  const devices = devicesOf();
  try {
    return await devices.getUserMedia({ audio: SPEECH, video: video && PICTURE });
  } catch (error) {
    throw problem(error, video ? 'microphone or camera' : 'microphone');
  }
}

/** Asks for the camera alone. */
export async function captureCamera(): Promise<MediaStreamTrack> {
  const devices = devicesOf();
  try {
    const [track] = (await devices.getUserMedia({ video: PICTURE })).getVideoTracks();
    if (track) return track;
  } catch (error) {
    throw problem(error, 'camera');
  }
  throw new MediaProblem('The camera gives no picture.');
}

const SPEECH: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

const PICTURE: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 } };

function devicesOf(): MediaDevices {
  // Browsers hide it from pages that others on the way could have changed.
  if (!navigator.mediaDevices) {
    throw new MediaProblem(
      'The browser gives this page no microphone, because the page came over an unprotected ' +
        'connection. Open it as http://localhost on the machine that serves it, or by https.',
    );
  }
  return navigator.mediaDevices;
}

function problem(error: unknown, what: string): MediaProblem {
  const name = error instanceof Error ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new MediaProblem(
        `The browser may not use the ${what}. Allow it with the button beside the page's ` +
          'address, and call again. The system may have a setting for it, too.',
      );
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new MediaProblem(`There is no ${what}. Plug one in, and call again.`);
    case 'NotReadableError':
    case 'AbortError':
      return new MediaProblem(
        `The ${what} cannot be used now. Perhaps another program uses it: close that, and call ` +
          'again.',
      );
    default:
      return new MediaProblem(`The ${what} cannot be used: ${String(error)}`);
  }
}
