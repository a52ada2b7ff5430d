// @ts-check
// Everything the panel needs once it talks; fetched while the panel opens.

export { certificateCard } from "./cards.js";
export { Line, STATUS_SHOWN } from "./line.js";
export { Link } from "./link.js";
export { draw } from "./inputs.js";
export { myData } from "./mydata.js";
export { keepDevice, rememberOffer } from "./remember.js";
export { wordsFor } from "./sayings.js";
export { Transcript } from "./transcript.js";
export { tellVisit } from "./visit.js";
