// The library as an application takes it in. This file is bundled once for every library that is
// compared; what stands for 'jssip' in a bundle is chosen by an alias.

import JsSIP from 'jssip';

window.JsSIP = JsSIP;
