// For applications that import from JsSIP's file of this name.

import { Exceptions } from '../api';

export import ConfigurationError = Exceptions.ConfigurationError;
export import InvalidStateError = Exceptions.InvalidStateError;
export import NotSupportedError = Exceptions.NotSupportedError;
export import NotReadyError = Exceptions.NotReadyError;
export default Exceptions;
