/** Style sheets imported as modules; the desk puts them into the parcels, for browsers that cannot import them yet. */
declare module "*.css" {
  const sheet: CSSStyleSheet;
  export default sheet;
}
