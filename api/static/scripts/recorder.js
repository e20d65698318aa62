// Records the microphone as a WAV file: 16-bit, one channel, at the input's sample rate.

const BLOCK = 4096;

export const canRecord = () => Boolean(navigator.mediaDevices?.getUserMedia);

export class Recorder {
  #blocks = [];
  #samples = 0;

  /** Start; `onlevel(level, seconds)` is called about ten times a second. */
  static async begin(onlevel) {
    // The browser's own processing would be cloned with the voice.
    const constraints = { audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } };
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    return new Recorder(stream, onlevel);
  }

  constructor(stream, onlevel) {
    this.stream = stream;
    this.context = new AudioContext();
    this.source = this.context.createMediaStreamSource(stream);
    // Deprecated, but it needs no separate module, and a dropped block does not matter here.
    this.node = this.context.createScriptProcessor(BLOCK, 1, 1);
    this.node.onaudioprocess = ({ inputBuffer }) => {
      const block = inputBuffer.getChannelData(0).slice();
      this.#blocks.push(block);
      this.#samples += block.length;
      const loudest = block.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      onlevel(Math.sqrt(loudest), this.#samples / this.context.sampleRate);
    };
    this.source.connect(this.node);
    this.node.connect(this.context.destination); // otherwise it does not run; it outputs silence
  }

  async end() {
    this.node.onaudioprocess = null;
    this.source.disconnect();
    this.node.disconnect();
    for (const track of this.stream.getTracks()) track.stop();
    const rate = this.context.sampleRate;
    await this.context.close();
    return { blob: wav(this.#blocks, this.#samples, rate), seconds: this.#samples / rate };
  }
}

function wav(blocks, samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const text = (at, value) => [...value].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples, true);
  let at = 44;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(at, Math.max(-1, Math.min(1, sample)) * 0x7fff, true);
      at += 2;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
