// What a telephone sounds like: ringing, the tone that says that it rings there, and keys.

/** Two tones, and for how many seconds they sound and pause. */
interface Cadence {
  tones: [number, number];
  on: number;
  off: number;
  loudness: number;
}

const RINGING: Cadence = { tones: [587, 740], on: 1.2, off: 2, loudness: 0.25 };
const RINGING_THERE: Cadence = { tones: [440, 480], on: 1.5, off: 3, loudness: 0.08 };

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = ['123A', '456B', '789C', '*0#D'];

export type Ring = 'here' | 'there' | 'none';

export class Sounds {
  #context: AudioContext | undefined;
  #ring: Ring = 'none';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sounding: GainNode | undefined;

  /** Browsers let a page sound only after somebody touched it: call it from a click. */
  wake(): AudioContext {
    this.#context ??= new AudioContext();
    if (this.#context.state === 'suspended') void this.#context.resume();
    return this.#context;
  }

  /** Rings, or stops. */
  ring(ring: Ring): void {
    if (ring === this.#ring) return;
    this.#ring = ring;
    clearTimeout(this.#timer);
    this.#sounding?.disconnect();
    this.#sounding = undefined;
    if (ring !== 'none') this.#repeat(ring === 'here' ? RINGING : RINGING_THERE);
    if (ring === 'here') navigator.vibrate?.([600, 400, 600]);
    else navigator.vibrate?.(0);
  }

  #repeat(cadence: Cadence): void {
    this.#sounding = this.#play(cadence.tones, cadence.on, cadence.loudness);
    this.#timer = setTimeout(() => this.#repeat(cadence), (cadence.on + cadence.off) * 1000);
  }

  /** The short sound of a key. */
  key(tone: string): void {
    const row = KEYS.findIndex((keys) => keys.includes(tone));
    const column = KEYS[row]?.indexOf(tone) ?? -1;
    const [low, high] = [ROWS[row], COLUMNS[column]];
    if (low && high) this.#play([low, high], 0.12, 0.08);
  }

  #play(tones: [number, number], seconds: number, loudness: number): GainNode {
    const context = this.wake();
    const gain = context.createGain();
    const [from, until] = [context.currentTime, context.currentTime + seconds];
    // Edges that are too steep click.
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(loudness, from + 0.02);
    gain.gain.setValueAtTime(loudness, until - 0.03);
    gain.gain.linearRampToValueAtTime(0, until);
    gain.connect(context.destination);
    for (const tone of tones) {
      const oscillator = context.createOscillator();
      oscillator.frequency.value = tone;
      oscillator.connect(gain);
      oscillator.start(from);
      oscillator.stop(until);
    }
    return gain;
  }
}

/** How loud a stream is, from 0 to 1 in steps that one hears. */
export class Level {
  readonly #source: MediaStreamAudioSourceNode;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(context: AudioContext, stream: MediaStream) {
    this.#source = context.createMediaStreamSource(stream);
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source.connect(this.#analyser);
  }

  /** The level of the last 20 ms: 0 at -60 dB of full scale and below, 1 at full scale. */
  read(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, x) => sum + x * x, 0) / this.#samples.length;
    return Math.min(1, Math.max(0, 1 + (10 * Math.log10(power + 1e-12)) / 60));
  }

  stop(): void {
    this.#source.disconnect();
  }
}
