/** A script with its includes; see `dev/lua-modules.mjs`. */
declare module '*.lua.js' {
  const source: string;
  export default source;
}
