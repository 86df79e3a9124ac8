import { ConfigurableModuleBuilder } from '@nestjs/common';

import type { SessionModuleOptions } from './session.options.js';
import { DEFAULT_NAME } from './tokens.js';

/** Settings that Nest needs before the options, which may come from an asynchronous factory. */
export interface SessionModuleExtras {
  /**
   * Distinguishes this module from another one in the same application: `'staff'` beside
   * `'customers'`. Its Redis keys and injection tokens contain the name.
   *
   * @default 'default'
   */
  name?: string;
  /**
   * Whether other modules can inject the services without importing this one.
   *
   * @default true
   */
  isGlobal?: boolean;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SessionModuleOptions<unknown>>({ moduleName: 'Session' })
    .setClassMethodName('forRoot')
    .setExtras<SessionModuleExtras>({ name: DEFAULT_NAME, isGlobal: true })
    .build();
